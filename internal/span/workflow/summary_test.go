package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

func TestOutcome(t *testing.T) {
	root := func(with ...func(*given)) given {
		return mk(1, 0, span.Agent, 0, 1000, append(with, agent("a"))...)
	}
	for name, c := range map[string]struct {
		spans  []given
		want   Outcome
		reason EndReason
	}{
		"nothing failed":          {[]given{root(), mk(2, 1, span.Tool, 0, 9)}, Success, EndComplete},
		"the root failed":         {[]given{root(fails("ValueError"))}, Failed, EndComplete},
		"the root was cancelled":  {[]given{root(fails("asyncio.CancelledError"))}, Cancelled, EndComplete},
		"the root timed out":      {[]given{root(fails("context.deadlineExceededError"))}, Timeout, EndComplete},
		"the last call failed":    {[]given{root(), mk(2, 1, span.Tool, 0, 9), mk(3, 1, span.Inference, 10, 20, fails("500"))}, Failed, EndComplete},
		"the last agent failed":   {[]given{root(), mk(2, 1, span.Agent, 0, 30, fails("x")), mk(3, 2, span.Inference, 10, 20)}, Failed, EndComplete},
		"an answer came after it": {[]given{root(), mk(2, 1, span.Tool, 0, 9, fails("x")), mk(3, 1, span.Inference, 10, 20)}, Success, EndComplete},
		"only what encloses it succeeded": {
			[]given{root(), mk(2, 1, span.Agent, 0, 30), mk(3, 2, span.Tool, 10, 20, fails("x"))}, Failed, EndComplete,
		},
		"a database failed last": {[]given{root(), mk(2, 1, span.Tool, 0, 9), mk(3, 2, span.Database, 5, 9, fails("x"))}, Success, EndComplete},
		"the root never came":    {[]given{mk(2, 1, span.Tool, 0, 9, agent("a"))}, Abandoned, EndIdle},
		"its parent never came":  {[]given{mk(2, 1, span.Agent, 0, 9, agent("a"))}, Success, EndDetached},
	} {
		t.Run(name, func(t *testing.T) {
			l := run(t, DefaultSettings(), c.spans...)
			require.Len(t, l.ended, 1)
			require.Equal(t, c.want, l.ended[0].Outcome)
			require.Equal(t, c.reason, l.ended[0].Reason)
			require.Equal(t, "a", l.ended[0].Type)
			require.Equal(t, c.want == Success || c.want == Abandoned, l.ended[0].ErrorType == "")
		})
	}
	s := DefaultSettings()
	s.MaxDuration = s.IdleTimeout
	l := &ledger{}
	a := New(s, l)
	for d := time.Duration(0); d < time.Hour; d += time.Minute {
		g := mk(uint64(d), 1, span.Tool, 0, 9, agent("a"))
		a.Add(at(d), &g.s, &g.m)
		a.Tick(at(d))
	}
	require.Equal(t, Timeout, l.ended[0].Outcome)
	require.Equal(t, EndAge, l.ended[0].Reason)
	s.MaxWorkflows = 1
	l = &ledger{}
	a = New(s, l)
	for n := range uint64(2) {
		g := mk(2, 1, span.Tool, 0, 9, agent("a"), inTrace(n))
		a.Add(epoch, &g.s, &g.m)
	}
	require.Equal(t, Unknown, l.ended[0].Outcome)
	require.Equal(t, EndEvicted, l.ended[0].Reason)
	a.Close(epoch)
	require.Equal(t, EndShutdown, l.ended[1].Reason)
}

func TestThereIsNoWorkflowWithoutAgents(t *testing.T) {
	for name, spans := range map[string][]given{
		"a model call":           {mk(1, 0, span.Inference, 0, 9)},
		"a tool call":            {mk(1, 0, span.Tool, 0, 9)},
		"a tool call below HTTP": {mk(1, 0, span.HTTPServer, 0, 9), mk(2, 1, span.Tool, 0, 9)},
		"what a tool server got": {mk(2, 1, span.MCPServer, 0, 9, toolsCall("t"))},
		"a model call from afar": {mk(2, 1, span.Inference, 0, 9)},
	} {
		require.Empty(t, run(t, DefaultSettings(), spans...).ended, name)
	}
}

func TestSummaryTellsAllOfAWorkflow(t *testing.T) {
	s := DefaultSettings()
	s.Price = func(provider, model string, u span.Tokens) (float64, string) {
		require.Equal(t, "openai", provider)
		require.Equal(t, "gpt", model)
		return float64(u.Input) / 1000, "exact"
	}
	openai := func(g *given) { g.m.Provider, g.m.RequestModel, g.m.Operation = "openai", "gpt", "chat" }
	l := run(t, s,
		mk(1, 0, span.Workflow, 0, 1000, named("travel"), func(g *given) {
			g.m.WorkflowID, g.m.Conversation, g.m.Priority = "w-1", "c-1", "high"
		}),
		mk(2, 1, span.Agent, 10, 900, agent("planner"), func(g *given) { g.m.AgentID = "p-1" }),
		mk(3, 2, span.Inference, 20, 300, openai, tokens(1000, 10)),
		mk(4, 3, span.HTTPClient, 30, 100, fails("429")),
		mk(5, 3, span.HTTPClient, 150, 290),
		mk(6, 2, span.Tool, 300, 400, tool("book"), args(5), fails("Error")),
		mk(7, 2, span.Tool, 450, 600, tool("book"), args(5)),
		mk(8, 2, span.Inference, 600, 800, openai, func(g *given) { g.m.Cost = 0.5 }),
	)
	require.Len(t, l.ended, 1)
	self := func(id uint64, typ span.Type, n string, ms int64) PathSpan {
		return PathSpan{SpanID: spanID(id), Type: typ, Name: n, Self: time.Duration(ms) * time.Millisecond}
	}
	require.Equal(t, Summary{
		TraceID: traceID(0), Root: spanID(1), Traces: 1, Type: "travel", Agent: "planner", AgentID: "p-1",
		WorkflowID: "w-1", Conversation: "c-1", Priority: "high", Tier: TierSimple,
		Outcome: Success, Reason: EndComplete, Start: epoch.UnixNano(), Duration: time.Second,
		Spans: 8, Agents: 1, Steps: 4, ToolCalls: 2, ModelCalls: 2, Retries: 2, Failures: 2,
		Tokens: span.Tokens{Input: 1000, Output: 10}, Cost: 1.5,
		Path: []PathSpan{
			self(1, span.Workflow, "travel", 110), self(2, span.Agent, "planner", 160),
			self(3, span.Inference, "gpt", 70), self(4, span.HTTPClient, "", 70), self(5, span.HTTPClient, "", 140),
			self(6, span.Tool, "book", 100), self(7, span.Tool, "book", 150), self(8, span.Inference, "gpt", 200),
		},
	}, l.ended[0])
	require.Len(t, l.failures, 2)
	for _, f := range l.failures {
		require.Equal(t, RecoverableYes, f.Recoverable)
		require.Equal(t, "warning", f.Severity)
		require.Equal(t, "travel", f.Workflow)
		require.Equal(t, "planner", f.Agent)
	}
}

func TestFailuresThatNothingRecoveredAreCritical(t *testing.T) {
	l := run(t, DefaultSettings(),
		mk(1, 0, span.Agent, 0, 1000, agent("a"), fails("x")),
		mk(2, 1, span.Tool, 0, 900, tool("t"), fails("x")),
		mk(3, 2, span.Database, 0, 900, fails("08006")),
	)
	require.Equal(t, []Failure{{
		TraceID: traceID(0), SpanID: spanID(3), Component: ComponentDatabase, ErrorType: "08006",
		Recoverable: RecoverableNo, Severity: "critical", Workflow: "a", Agent: "a", Start: epoch.UnixNano(),
	}}, l.failures)
	l = run(t, DefaultSettings(), mk(2, 1, span.Tool, 0, 9, tool("t"), fails("x"), agent("a")))
	require.Equal(t, RecoverableUnknown, l.failures[0].Recoverable)
	require.Equal(t, "error", l.failures[0].Severity)
}

func TestRootIsAnnotatedWithWhatIsKnownWhenItPasses(t *testing.T) {
	a := New(DefaultSettings(), &ledger{})
	add := func(g given) Placement { return a.Add(epoch, &g.s, &g.m) }
	_, ok := a.Root(traceID(0))
	require.False(t, ok)
	require.Equal(t, Placement{Agentic: true}, add(mk(3, 2, span.Tool, 0, 9, tool("t"))))
	require.Equal(t, Placement{Agentic: true}, add(mk(2, 1, span.Agent, 0, 9, agent("sub"))))
	require.Equal(t, Placement{Agentic: true, Root: true}, add(mk(1, 0, span.Agent, 0, 9, agent("main"))))
	s, ok := a.Root(traceID(0))
	require.True(t, ok)
	require.Equal(t, spanID(1), s.Root)
	require.Equal(t, "main", s.Type)
	require.Equal(t, 1, s.ToolCalls)
	require.Empty(t, s.Reason)
	require.Len(t, s.Path, 3)
}

func TestJoinedTracesAreOneWorkflow(t *testing.T) {
	conversation := func(g *given) { g.m.Conversation = "c" }
	task := func(g *given) { g.m.A2ATask = "t" }
	link := func(g *given) { g.s.Links = []span.Link{{TraceID: traceID(0), SpanID: spanID(2)}} }
	spans := func(with func(*given)) []given {
		return []given{
			mk(1, 0, span.Workflow, 0, 100, named("w"), with),
			mk(2, 1, span.Tool, 0, 9, tool("t")),
			mk(3, 0, span.Agent, 20, 90, agent("a"), inTrace(1), with),
			mk(4, 3, span.Tool, 30, 40, tool("u"), inTrace(1)),
		}
	}
	none := func(*given) {}
	linked := func(g *given) {
		if g.s.TraceID == traceID(1) {
			link(g)
		}
	}
	for name, c := range map[string]struct {
		with func(*given)
		join JoinSettings
		want int
	}{
		"not asked for":   {conversation, JoinSettings{}, 2},
		"nothing to join": {none, JoinSettings{Links: true, Tasks: true, Conversations: true}, 2},
		"a conversation":  {conversation, JoinSettings{Conversations: true}, 1},
		"a task":          {task, JoinSettings{Tasks: true}, 1},
		"a link":          {linked, JoinSettings{Links: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			settings := DefaultSettings()
			settings.Join = c.join
			all := spans(c.with)
			for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {3, 1, 2, 0}} {
				var given []given
				for _, i := range order {
					given = append(given, all[i])
				}
				l := run(t, settings, given...)
				require.Len(t, l.ended, c.want)
				require.Len(t, l.calls, 2)
				if c.want == 1 {
					s := l.ended[0]
					require.Equal(t, 2, s.Traces)
					require.Equal(t, "w", s.Type)
					require.Equal(t, 2, s.ToolCalls)
					require.Equal(t, 4, s.Spans)
				}
				for i := range l.calls {
					require.Equal(t, map[string]uint64{"t": 0, "u": 1}[l.calls[i].Tool], uint64(l.calls[i].TraceID[15]-1))
				}
			}
		})
	}
}

func TestSettingsThatNoConfigurationMayHoldPanic(t *testing.T) {
	for _, breaks := range []func(*Settings){
		func(s *Settings) { s.MaxWorkflows = 0 }, func(s *Settings) { s.MaxSpans = 0 },
		func(s *Settings) { s.Settle = 0 }, func(s *Settings) { s.DetachedTimeout = 0 },
		func(s *Settings) { s.IdleTimeout = s.Settle }, func(s *Settings) { s.MaxDuration = s.Settle },
		func(s *Settings) { s.Remember = -1 }, func(s *Settings) { s.Loop.Repeats = 1 },
		func(s *Settings) { s.Loop.Cycles = 1 }, func(s *Settings) { s.Runaway.ChainLength = -1 },
		func(s *Settings) { s.Runaway.CostPerMinute = -1 },
	} {
		s := DefaultSettings()
		breaks(&s)
		require.Panics(t, func() { New(s, &ledger{}) })
	}
}
