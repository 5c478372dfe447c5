package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// steps makes an agent at whose hand the calls are made one after the other.
func steps(calls ...func(id uint64, at int64) given) []given {
	spans := []given{mk(1, 0, span.Agent, 0, int64(len(calls)+1)*1000, agent("a"), named("w"))}
	for i, c := range calls {
		spans = append(spans, c(uint64(i+2), int64(i)*1000))
	}
	return spans
}

func does(n string, hash uint64, with ...func(*given)) func(uint64, int64) given {
	return func(id uint64, at int64) given {
		return mk(id, 1, span.Tool, at, at+500, append(with, tool(n), args(hash))...)
	}
}

func thinks(in, out int64) func(uint64, int64) given {
	return func(id uint64, at int64) given {
		return mk(id, 1, span.Inference, at, at+500, model("m"), tokens(in, out))
	}
}

func times(n int, calls ...func(uint64, int64) given) (all []func(uint64, int64) given) {
	for range n {
		all = append(all, calls...)
	}
	return all
}

func TestLoopsAreFoundAndWhatLooksLikeOneIsNot(t *testing.T) {
	type calls = []func(uint64, int64) given
	paging := func() (c calls) {
		for p := range uint64(40) {
			c = append(c, does("list", p+1))
		}
		return c
	}
	conversation := func() (c calls) {
		for k := range int64(30) {
			c = append(c, thinks(200+80*k, 20), does("search", uint64(k+1)))
		}
		return c
	}
	failing := func(n int) calls { return times(n, does("fetch", 7, fails("timeout"))) }
	for name, c := range map[string]struct {
		calls calls
		want  []FindingKind
	}{
		"the same call five times":            {times(5, does("poll", 7)), []FindingKind{LoopRepeat}},
		"the same call four times":            {times(4, does("poll", 7)), nil},
		"the same call with others between":   {times(2, append(times(4, does("poll", 7)), does("x", 1))...), nil},
		"the same tool, arguments not told":   {times(20, does("poll", 0)), nil},
		"pagination":                          {paging(), nil},
		"a conversation":                      {conversation(), nil},
		"retries that succeed":                {append(failing(4), does("fetch", 7)), nil},
		"five retries, all in vain":           {failing(6), nil},
		"retries without end":                 {failing(10), []FindingKind{LoopRepeat}},
		"two calls in a circle":               {times(4, does("a", 1), does("b", 2)), []FindingKind{LoopCycle}},
		"a circle gone through three times":   {times(3, does("a", 1), does("b", 2)), nil},
		"a circle of eight":                   {times(4, does("a", 1), does("b", 2), does("c", 3), does("d", 4), does("e", 5), does("f", 6), does("g", 7), does("h", 8)), []FindingKind{LoopCycle}},
		"a circle with other arguments":       {append(times(3, does("a", 1), does("b", 2)), does("a", 1), does("b", 3)), nil},
		"the model says the same, tools too":  {times(6, thinks(500, 20), does("look", 0)), []FindingKind{LoopStuck}},
		"the model says the same, five times": {times(5, thinks(500, 20), does("look", 0)), nil},
		"many equal questions without tools":  {times(50, thinks(500, 20)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := run(t, DefaultSettings(), steps(c.calls...)...)
			var got []FindingKind
			for _, f := range l.found {
				got = append(got, f.Kind)
				require.Equal(t, "w", f.Workflow)
				require.Equal(t, "a", f.Agent)
				require.NotZero(t, f.SpanID)
				require.Positive(t, f.Count)
			}
			require.Equal(t, c.want, got)
			require.Len(t, l.ended, 1)
			require.Equal(t, c.want, append([]FindingKind(nil), l.ended[0].Findings...))
		})
	}
}

func TestEqualCallsOfDifferentAgentsAreNoLoop(t *testing.T) {
	spans := []given{mk(1, 0, span.Workflow, 0, 100, named("w"))}
	for i := range uint64(20) {
		spans = append(spans,
			mk(100+i, 1, span.Agent, int64(i), int64(i)+9, agent("worker")),
			mk(200+i, 100+i, span.Tool, int64(i), int64(i)+9, tool("fetch"), args(5)))
	}
	require.Empty(t, run(t, DefaultSettings(), spans...).found)
}

func TestALoopIsFoundWhileItRunsAndOnce(t *testing.T) {
	l := &ledger{}
	a := New(DefaultSettings(), l)
	for i := range 60 {
		g := mk(uint64(i+2), 1, span.Tool, int64(i)*1000, int64(i)*1000+1, tool("poll"), args(9), agent("a"))
		a.Add(at(time.Duration(i)*time.Second), &g.s, &g.m)
		a.Tick(at(time.Duration(i) * time.Second))
		if i == 12 {
			require.Len(t, l.found, 1)
		}
	}
	pass(a, time.Minute, 2*time.Hour)
	require.Len(t, l.found, 2)
	f := l.found[0]
	require.Equal(t, Finding{
		Kind: LoopRepeat, TraceID: traceID(0), SpanID: f.SpanID, Workflow: "a", Agent: "a",
		Tools: []string{"poll"}, Arguments: []uint64{9}, Count: 5, Period: 1,
	}, f)
	require.Equal(t, Stalled, l.found[1].Kind)
	require.Equal(t, Abandoned, l.ended[0].Outcome)
}

func TestStalledWorkflowsAreFoundAndShownAsOpen(t *testing.T) {
	l := &ledger{}
	a := New(DefaultSettings(), l)
	add := func(now time.Duration, g given) { a.Add(at(now), &g.s, &g.m) }
	prio := func(g *given) { g.m.Priority = "high" }
	add(0, mk(2, 1, span.Tool, 0, 1, tool("t"), named("w"), prio))
	add(0, mk(3, 9, span.MCPServer, 0, 1, toolsCall("t"), inTrace(1)))
	add(0, mk(4, 9, span.Database, 0, 1, inTrace(2)))
	pass(a, 0, 4*time.Minute)
	require.Equal(t, []Open{{Type: "w", Priority: "high", Count: 1, Oldest: 4 * time.Minute}}, a.Open(at(4*time.Minute)))
	pass(a, 4*time.Minute, 6*time.Minute)
	require.Equal(t, []Open{{Type: "w", Priority: "high", Count: 1, Stalled: 1, Oldest: 6 * time.Minute}}, a.Open(at(6*time.Minute)))
	require.Len(t, l.found, 1)
	require.Equal(t, Stalled, l.found[0].Kind)
	require.Equal(t, "high", l.found[0].Priority)

	// It goes on, and stalls again: no second finding.
	add(7*time.Minute, mk(5, 1, span.Tool, 0, 1, tool("t")))
	require.Zero(t, a.Open(at(7 * time.Minute))[0].Stalled)
	pass(a, 7*time.Minute, 20*time.Minute)
	require.Equal(t, 1, a.Open(at(20 * time.Minute))[0].Stalled)
	require.Len(t, l.found, 1)
	pass(a, 20*time.Minute, time.Hour)
	require.Empty(t, a.Open(at(time.Hour)))
	require.Len(t, l.ended, 1)
	require.Equal(t, EndIdle, l.ended[0].Reason)
}

func TestRunawaysAreFound(t *testing.T) {
	s := DefaultSettings()
	s.Price = func(_, _ string, t span.Tokens) (float64, string) { return float64(t.Output) / 100, "exact" }
	s.Runaway = RunawaySettings{
		TokensPerMinute: 60_000, CostPerMinute: 12, ContextGrowth: 4, ContextCalls: 5, ContextMin: 1000, ChainLength: 30,
	}
	type calls = []func(uint64, int64) given
	growing := calls{thinks(300, 1), thinks(400, 1), thinks(500, 1), thinks(900, 1), thinks(1200, 1)}
	for name, c := range map[string]struct {
		calls calls
		want  []FindingKind
		value float64
	}{
		"tokens":            {times(7, thinks(9000, 1)), []FindingKind{RunawayTokens}, 7 * 9001},
		"few tokens":        {times(6, thinks(9000, 1)), nil, 0},
		"cost":              {times(13, thinks(9, 100)), []FindingKind{RunawayCost}, 13},
		"context":           {growing, []FindingKind{RunawayContext}, 4},
		"context, shrunk":   {append(calls{thinks(300, 1), thinks(1500, 1)}, growing[1:]...), nil, 0},
		"chain":             {times(31, does("t", 0)), []FindingKind{RunawayChain}, 31},
		"not quite a chain": {times(30, does("t", 0)), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := run(t, s, steps(c.calls...)...)
			require.Equal(t, c.want, append([]FindingKind(nil), l.ended[0].Findings...))
			require.Len(t, l.found, len(c.want))
			if len(c.want) > 0 {
				require.Equal(t, c.value, l.found[0].Value)
			}
		})
	}

	// The same tokens over two minutes are fine.
	var slow []given
	for i := range 7 {
		slow = append(slow, mk(uint64(i+1), 0, span.Inference, int64(i)*20_000, int64(i)*20_000+1, tokens(9000, 1)))
	}
	require.Empty(t, run(t, s, slow...).found)
}
