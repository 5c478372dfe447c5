package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

func TestAMillionTraceIDsAreCountedWithinTheCaps(t *testing.T) {
	q := &quiet{}
	s := DefaultSettings()
	s.MaxWorkflows = 1000
	a := New(s, q)
	for n := range uint64(1_000_000) {
		g := mk(1, 0, span.Tool, 0, 1, tool("t"), inTrace(n))
		if n%2 == 1 {
			g = mk(1, 0, span.HTTPServer, 0, 1, fails("500"), inTrace(n))
		}
		a.Add(epoch, &g.s, &g.m)
		if stats := a.Stats(); stats.Traces > 1000 || stats.Records > 1000 {
			require.Fail(t, "past the cap", "%+v", stats)
		}
	}
	a.Close(epoch)
	require.Equal(t, 1_000_000, q.calls)
	require.Equal(t, 500_000, q.failures)
	require.Zero(t, q.ended)
	require.LessOrEqual(t, len(a.before.known), 1000)
	empty(t, a)
}

func TestPastMaxSpansCountsGoOnSpanBySpan(t *testing.T) {
	const n = 100_000
	s := DefaultSettings()
	s.MaxSpans = 5000
	l := &ledger{}
	a := New(s, l)
	for i := range uint64(n) {
		g := mk(i+2, 1, span.Tool, int64(i), int64(i)+1, tool("t"), args(i))
		switch i % 4 {
		case 1:
			g = mk(i+2, 1, span.Inference, int64(i), int64(i)+1, model("m"), tokens(3, 1))
		case 2:
			g = mk(i+2, 1, span.Database, int64(i), int64(i)+1, fails("x"))
		case 3:
			g = mk(i+2, 1, span.MCPClient, int64(i), int64(i)+1, method("tools/list"))
		}
		a.Add(epoch, &g.s, &g.m)
	}
	require.Equal(t, 5000, a.Stats().Records)
	root := mk(1, 0, span.Agent, 0, n, agent("a"))
	a.Add(epoch, &root.s, &root.m)
	pass(a, 0, time.Hour)
	require.Equal(t, map[string]int{
		"tool t false": n / 4, "model m false": n / 4, "input": 3 * n / 4, "output": n / 4, "db": n / 4,
		"mcp tools/list  false": n / 4, "failure database": n / 4, "workflow abandoned": 1,
	}, l.counts())
	sum := l.ended[0]
	require.Equal(t, []int{n + 1, n + 1 - 5000, n / 4, n / 4, n / 4, n / 4}, []int{
		sum.Spans, sum.Dropped, sum.ToolCalls, sum.ModelCalls, sum.MCPCalls, sum.Failures,
	})
	require.Equal(t, span.Tokens{Input: 3 * n / 4, Output: n / 4}, sum.Tokens)
	require.Contains(t, sum.Findings, RunawayChain)
	empty(t, a)
}

func TestDeepAndCircularTracesAreCountedExactly(t *testing.T) {
	const n = 10_000
	for name, parentOf := range map[string]func(i uint64) uint64{
		"deep":            func(i uint64) uint64 { return i },
		"deep, backwards": func(i uint64) uint64 { return (i + 2) % (n + 1) },
		"one circle":      func(i uint64) uint64 { return i%n + 2 },
		"circles of two":  func(i uint64) uint64 { return (i ^ 1) + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			q := &quiet{}
			a := New(DefaultSettings(), q)
			for i := range uint64(n) {
				g := mk(i+1, parentOf(i), span.Agent, int64(i), int64(i)+9, agent("a"))
				if i%2 == 1 {
					g = mk(i+1, parentOf(i), span.Tool, int64(i), int64(i)+9, tool("t"))
				}
				a.Add(epoch, &g.s, &g.m)
			}
			began := time.Now()
			pass(a, 0, time.Hour)
			require.Less(t, time.Since(began), time.Minute)
			require.Equal(t, n/2, q.calls)
			require.Equal(t, 1, q.ended)
			empty(t, a)
		})
	}
}

func TestNamesWithoutEndDoNotAddUp(t *testing.T) {
	s := DefaultSettings()
	s.MaxWorkflows = 100
	a := New(s, &quiet{})
	long := string(make([]byte, 10_000))
	for n := range uint64(100_000) {
		g := mk(1, 0, span.Tool, 0, 1, tool(string(rune('a'+n%26))+string(rune(n))+long), fails("\xff\xfe"), inTrace(n))
		a.Add(epoch, &g.s, &g.m)
	}
	require.LessOrEqual(t, a.Stats().Names, sweepAt)
	for _, text := range a.names.text {
		require.LessOrEqual(t, len(text), nameLimit)
	}
	a.Close(epoch)
	empty(t, a)
}

func TestTimeThatRunsBackwardsDoesNoHarm(t *testing.T) {
	l := &ledger{}
	a := New(DefaultSettings(), l)
	for i, now := range []time.Duration{time.Hour, 0, -time.Hour, time.Minute, 59 * time.Minute} {
		g := mk(uint64(i+2), 1, span.Tool, 0, 1, tool("t"))
		a.Add(at(now), &g.s, &g.m)
		a.Tick(at(now))
	}
	root := mk(1, 0, span.Agent, 0, 9, agent("a"))
	a.Add(at(time.Hour), &root.s, &root.m)
	pass(a, time.Hour, 4*time.Hour)
	require.Equal(t, map[string]int{"tool t false": 5, "workflow success": 1}, l.counts())
	empty(t, a)
}

func TestSkewedClocksGiveNoNegativeTimes(t *testing.T) {
	l := run(t, DefaultSettings(),
		mk(1, 0, span.Agent, 0, 100, agent("a")),
		mk(2, 1, span.MCPClient, 10, 90, toolsCall("t")),
		mk(3, 2, span.MCPServer, -3600_000, -3600_000+40, toolsCall("t")),
		mk(4, 3, span.Database, -3600_000+10, -3600_000+30),
	)
	s := l.ended[0]
	require.Equal(t, 100*time.Millisecond, s.Duration)
	var total time.Duration
	var path []span.Type
	for _, p := range s.Path {
		require.GreaterOrEqual(t, p.Self, time.Duration(0))
		total += p.Self
		path = append(path, p.Type)
	}
	require.Equal(t, s.Duration, total)
	require.Equal(t, []span.Type{span.Agent, span.MCPClient, span.MCPServer, span.Database}, path)
	require.Equal(t, 20*time.Millisecond, s.Path[3].Self)
}

func TestTenThousandModelCallsInOneWrapperAreCountedInTime(t *testing.T) {
	q := &quiet{}
	a := New(DefaultSettings(), q)
	for i := range uint64(9_990) {
		g := mk(i+2, 1, span.Inference, int64(i), int64(i)+1, fails("_OTHER"))
		if i%2 == 0 {
			g = mk(i+2, 1, span.Inference, int64(i), int64(i)+1)
		}
		a.Add(epoch, &g.s, &g.m)
	}
	root := mk(1, 0, span.Inference, 0, 9_990, tokens(100, 1), agent("a"))
	a.Add(epoch, &root.s, &root.m)
	began := time.Now()
	pass(a, 0, time.Hour)
	require.Less(t, time.Since(began), time.Minute)
	require.Equal(t, 9_990, q.calls)
	require.Equal(t, 4_995, q.failures)
	empty(t, a)
}
