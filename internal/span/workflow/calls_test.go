package workflow

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

func TestOneCallIsCountedOnceWhateverSpansShowIt(t *testing.T) {
	for name, c := range map[string]struct {
		spans []given
		want  map[string]int
	}{
		"a tool call seen by agent, client and server": {
			[]given{
				mk(1, 0, span.Agent, 0, 100, agent("a")),
				mk(2, 1, span.Tool, 10, 50, tool("read")),
				mk(3, 2, span.MCPClient, 11, 49, toolsCall("read")),
				mk(4, 3, span.HTTPClient, 12, 48),
				mk(5, 4, span.HTTPServer, 13, 47),
				mk(6, 5, span.MCPServer, 14, 46, toolsCall("read")),
			},
			map[string]int{"tool read false": 1, "mcp tools/call read false": 1, "http": 2, "workflow success": 1},
		},
		"the server alone knows of the failure": {
			[]given{
				mk(1, 0, span.Agent, 0, 100, agent("a")),
				mk(2, 1, span.Tool, 10, 50, tool("read")),
				mk(3, 2, span.MCPClient, 11, 49, toolsCall("read")),
				mk(6, 3, span.MCPServer, 14, 46, toolsCall("read"), fails("tool_error")),
				mk(7, 1, span.Inference, 60, 90, model("m"), tokens(1, 2)),
			},
			map[string]int{
				"tool read true": 1, "mcp tools/call read true": 1, "model m false": 1, "input": 1, "output": 2,
				"failure mcp": 1, "workflow success": 1,
			},
		},
		"the agent puts the server's name before the tool's": {
			[]given{
				mk(1, 0, span.Tool, 10, 50, tool("mcp__files__read")),
				mk(2, 1, span.MCPClient, 11, 49, toolsCall("read")),
				mk(3, 2, span.MCPServer, 11, 49, method("tools/call")),
			},
			map[string]int{"tool mcp__files__read false": 1, "mcp tools/call read false": 1},
		},
		"a tool span that carries the MCP attributes itself": {
			[]given{
				mk(1, 0, span.Tool, 10, 50, toolsCall("read")),
				mk(2, 1, span.MCPServer, 11, 49, toolsCall("read")),
			},
			map[string]int{"tool read false": 1, "mcp tools/call read false": 1},
		},
		"a proxy's upstream request is an operation of its own, and no other tool call": {
			[]given{
				mk(1, 0, span.MCPClient, 0, 50, toolsCall("read")),
				mk(2, 1, span.MCPServer, 1, 49, toolsCall("read")),
				mk(3, 2, span.MCPServer, 2, 48, toolsCall("read")),
				mk(4, 3, span.MCPClient, 3, 47, toolsCall("read")),
				mk(5, 4, span.MCPServer, 4, 46, toolsCall("read")),
			},
			map[string]int{"tool read false": 1, "mcp tools/call read false": 2},
		},
		"listing tools is no tool call": {
			[]given{
				mk(1, 0, span.MCPClient, 0, 50, method("tools/list")),
				mk(2, 1, span.MCPServer, 1, 49, method("tools/list")),
			},
			map[string]int{"mcp tools/list  false": 1},
		},
		"a tool within the same tool, and one that another agent called": {
			[]given{
				mk(1, 0, span.Tool, 0, 90, tool("task")),
				mk(2, 1, span.Tool, 1, 89, tool("task")),
				mk(3, 2, span.Agent, 2, 88, agent("sub")),
				mk(4, 3, span.Tool, 3, 87, tool("task")),
				mk(5, 4, span.Tool, 3, 87, tool("other")),
			},
			map[string]int{"tool task false": 2, "tool other false": 1, "workflow success": 1},
		},
		"the innermost model call counts and takes what it lacks from its wrapper": {
			[]given{
				mk(1, 0, span.Inference, 0, 50, model("m"), tokens(10, 5)),
				mk(2, 1, span.Inference, 1, 49),
			},
			map[string]int{"model m false": 1, "input": 10, "output": 5},
		},
		"a wrapper of several calls is no call": {
			[]given{
				mk(1, 0, span.Inference, 0, 50, model("m"), tokens(30, 3)),
				mk(2, 1, span.Inference, 1, 20, model("m"), tokens(10, 1)),
				mk(3, 1, span.Inference, 21, 49, model("m"), tokens(20, 2)),
			},
			map[string]int{"model m false": 2, "input": 30, "output": 3},
		},
		"usage that only the wrapper tells is counted once": {
			[]given{
				mk(1, 0, span.Inference, 0, 50, tokens(30, 3)),
				mk(2, 1, span.Inference, 1, 20, model("m")),
				mk(3, 1, span.Inference, 21, 49, model("m")),
			},
			map[string]int{"model m false": 2, "input": 30, "output": 3},
		},
		"usage of a wrapper goes to the call that succeeded": {
			[]given{
				mk(1, 0, span.Inference, 0, 50, tokens(30, 3)),
				mk(2, 1, span.Inference, 1, 20, model("m")),
				mk(3, 1, span.Inference, 21, 49, model("m"), fails("500")),
			},
			map[string]int{"model m false": 1, "model m true": 1, "input": 30, "output": 3, "failure inference": 1},
		},
		"a model call within a tool within a model call": {
			[]given{
				mk(1, 0, span.Inference, 0, 50, model("m"), tokens(10, 1)),
				mk(2, 1, span.Tool, 1, 49, tool("summarise")),
				mk(3, 2, span.Inference, 2, 48, model("m"), tokens(20, 2)),
			},
			map[string]int{"model m false": 2, "input": 30, "output": 3, "tool summarise false": 1},
		},
		"messages sent and received": {
			[]given{
				mk(1, 0, span.A2AClient, 0, 50), mk(2, 1, span.A2AClient, 1, 49),
				mk(3, 2, span.HTTPClient, 2, 48), mk(4, 3, span.A2AServer, 3, 47), mk(5, 4, span.A2AServer, 3, 47),
			},
			map[string]int{"sent": 1, "received": 1, "http": 1},
		},
		"noise is nothing": {
			[]given{mk(1, 0, span.Noise, 0, 50, fails("x")), mk(2, 1, span.Other, 0, 50)},
			map[string]int{},
		},
		"failures without agents": {
			[]given{
				mk(1, 0, span.HTTPServer, 0, 50, fails("500")),
				mk(2, 1, span.HTTPClient, 1, 49, fails("502")),
				mk(3, 1, span.Database, 1, 9, fails("23505")),
				mk(4, 1, span.Cache, 1, 9),
			},
			map[string]int{"http": 2, "db": 1, "cache": 1, "failure http": 1, "failure database": 1},
		},
		"an id that comes twice": {
			[]given{mk(1, 0, span.Tool, 0, 50, tool("t")), mk(1, 0, span.Tool, 0, 50, tool("t")), mk(2, 0, span.Database, 0, 1), mk(2, 0, span.Database, 0, 1)},
			map[string]int{"tool t false": 1, "db": 1},
		},
		"its own parent": {
			[]given{mk(1, 1, span.Agent, 0, 50, agent("a")), mk(2, 1, span.Tool, 0, 50, tool("t"))},
			map[string]int{"tool t false": 1, "workflow success": 1},
		},
		"a circle of parents": {
			[]given{
				mk(1, 3, span.Agent, 0, 50, agent("a")), mk(2, 1, span.Tool, 1, 50, tool("t")), mk(3, 2, span.Tool, 2, 50, tool("t")),
				mk(4, 3, span.Inference, 3, 9, model("m")),
			},
			map[string]int{"tool t false": 1, "model m false": 1, "workflow success": 1},
		},
		"ends before it begins": {
			[]given{mk(1, 0, span.Agent, 50, 0, agent("a")), mk(2, 1, span.Tool, 90, -70, tool("t")), mk(3, 2, span.Database, 9, 1)},
			map[string]int{"tool t false": 1, "db": 1, "workflow success": 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 9))
			for range 200 {
				l := &ledger{}
				a := New(DefaultSettings(), l)
				now := time.Duration(0)
				for _, i := range r.Perm(len(c.spans)) {
					if r.IntN(3) == 0 {
						now += time.Duration(r.IntN(700)) * time.Millisecond
						a.Tick(at(now))
					}
					s := c.spans[i]
					a.Add(at(now), &s.s, &s.m)
				}
				pass(a, now, now+40*time.Minute)
				require.Equal(t, c.want, l.counts())
				for i := range l.calls {
					require.GreaterOrEqual(t, l.calls[i].Duration, time.Duration(0))
				}
				empty(t, a)
			}
		})
	}
}

func TestACallIsReportedLiveAndOnce(t *testing.T) {
	l := &ledger{}
	a := New(DefaultSettings(), l)
	add := func(now time.Duration, g given) { a.Add(at(now), &g.s, &g.m) }
	add(0, mk(3, 2, span.MCPServer, 0, 9, toolsCall("read"), agent("a")))
	pass(a, 0, 4*time.Second)
	require.Empty(t, l.calls)
	add(4*time.Second, mk(2, 1, span.MCPClient, 0, 9, toolsCall("read"), agent("a")))
	pass(a, 4*time.Second, 8*time.Second)
	require.Empty(t, l.calls)
	pass(a, 8*time.Second, 10*time.Second)
	require.Equal(t, map[string]int{"tool read false": 1, "mcp tools/call read false": 1}, l.counts())

	// The agent's own view comes minutes later, and the root hours later.
	add(10*time.Minute, mk(1, 9, span.Tool, 0, 9, tool("read"), agent("a")))
	for d := 20 * time.Minute; d <= 12*time.Hour; d += 20 * time.Minute {
		a.Tick(at(d))
		add(d, mk(100+uint64(d), 9, span.Inference, d.Milliseconds(), d.Milliseconds()+1, model("m"), agent("a")))
	}
	pass(a, 12*time.Hour, 12*time.Hour+time.Minute)
	require.Len(t, l.calls, 2+36)
	require.Empty(t, l.ended)
	add(12*time.Hour+time.Minute, mk(9, 0, span.Agent, 0, 12*3600*1000, agent("a")))
	pass(a, 12*time.Hour+time.Minute, 12*time.Hour+2*time.Minute)
	require.Len(t, l.calls, 38)
	require.Len(t, l.ended, 1)
	require.Equal(t, 36, l.ended[0].ModelCalls)
	require.Equal(t, 1, l.ended[0].ToolCalls)
	require.Equal(t, 12*time.Hour, l.ended[0].Duration)
	require.Equal(t, []FindingKind{Stalled}, l.ended[0].Findings)
}

func TestAWrapperThatWasCountedStandsForOneCall(t *testing.T) {
	l := &ledger{}
	a := New(DefaultSettings(), l)
	add := func(now time.Duration, g given) { a.Add(at(now), &g.s, &g.m) }
	add(0, mk(1, 0, span.Inference, 0, 50, model("m"), tokens(30, 3)))
	pass(a, 0, 10*time.Second)
	require.Equal(t, map[string]int{"model m false": 1, "input": 30, "output": 3}, l.counts())
	add(10*time.Second, mk(2, 1, span.Inference, 0, 20, model("m"), tokens(10, 1)))
	add(10*time.Second, mk(3, 1, span.Inference, 21, 50, model("m"), tokens(20, 2)))
	pass(a, 10*time.Second, time.Minute)
	require.Equal(t, map[string]int{"model m false": 2, "input": 30, "output": 3}, l.counts())
}

func TestALateSpanIsCountedButMakesNoSecondWorkflow(t *testing.T) {
	l := &ledger{}
	s := DefaultSettings()
	a := New(s, l)
	add := func(now time.Duration, g given) Placement { return a.Add(at(now), &g.s, &g.m) }
	require.Equal(t, Placement{Agentic: true, Root: true}, add(0, mk(1, 0, span.Agent, 0, 50, agent("a"))))
	add(0, mk(2, 1, span.Tool, 0, 50, tool("t")))
	pass(a, 0, 20*time.Second)
	require.Len(t, l.ended, 1)

	// Within Remember its duplicates are known, after it they are not.
	require.Equal(t, Placement{Agentic: true, Late: true}, add(20*time.Second, mk(3, 2, span.MCPServer, 0, 50, toolsCall("t"))))
	require.Equal(t, Placement{Agentic: true, Late: true, Duplicate: true}, add(20*time.Second, mk(3, 2, span.MCPServer, 0, 50, toolsCall("t"))))
	pass(a, 20*time.Second, 5*time.Minute)
	require.Equal(t, map[string]int{"tool t false": 1, "mcp tools/call t false": 1, "workflow success": 1}, l.counts())
	require.True(t, l.calls[1].Late)
	require.Equal(t, Placement{Agentic: true, Late: true}, add(3*time.Hour, mk(4, 1, span.Tool, 0, 50, tool("u"))))
	require.True(t, add(3*time.Hour, mk(5, 0, span.Agent, 0, 50, agent("a"))).Late)
	pass(a, 3*time.Hour, 5*time.Hour)
	require.Equal(t, map[string]int{
		"tool t false": 1, "tool u false": 1, "mcp tools/call t false": 1, "workflow success": 1,
	}, l.counts())
	require.Equal(t, uint64(4), a.Stats().Late)
	empty(t, a)
}
