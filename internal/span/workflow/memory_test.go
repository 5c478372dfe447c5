package workflow

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

func TestFiftyThousandOpenWorkflowsOfTwentySpansFitIntoMemory(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		least := ^uint64(0)
		for range 3 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			least = min(least, m.HeapAlloc)
		}
		return least
	}
	before := heap()
	q := &quiet{}
	a := New(DefaultSettings(), q)
	spans := twenty()[:19] // the root does not come
	for trace := range uint64(50_000) {
		for i := range spans {
			s := &spans[i]
			s.s.TraceID = traceID(trace)
			binary.BigEndian.PutUint64(s.s.ID[:], uint64(i)<<32|trace+1)
			a.Add(epoch, &s.s, &s.m)
		}
		last := mk(1_000_000+trace, 7, span.Tool, 0, 1, tool(fmt.Sprint("of its own ", trace)), inTrace(trace))
		a.Add(epoch, &last.s, &last.m)
	}
	used := heap() - before
	stats := a.Stats()
	require.Equal(t, 50_000, stats.Traces)
	require.Equal(t, 1_000_000, stats.Records)
	require.Less(t, used, uint64(400<<20))
	t.Logf("%d MiB, %d bytes a span", used>>20, used/1_000_000)

	// One more makes room for itself, and counts stay exact.
	g := mk(1, 0, span.Agent, 0, 1, agent("one more"), inTrace(50_000))
	a.Add(epoch, &g.s, &g.m)
	stats = a.Stats()
	require.Equal(t, 50_000, stats.Traces)
	require.Equal(t, uint64(1), stats.Evicted)
	a.Close(epoch)
	require.Equal(t, 50_001, q.ended)
	empty(t, a)
	runtime.KeepAlive(a)
}

// quiet is a sink that keeps nothing.
type quiet struct{ calls, failures, ended, found int }

func (q *quiet) Call(*Call)      { q.calls++ }
func (q *quiet) Failed(*Failure) { q.failures++ }
func (q *quiet) Ended(*Summary)  { q.ended++ }
func (q *quiet) Found(*Finding)  { q.found++ }

// twenty are the spans of a usual workflow as they arrive: children first.
func twenty() []given {
	spans := []given{mk(1, 0, span.Agent, 0, 5000, agent("planner"), named("travel"))}
	for k := range uint64(4) {
		t, id := int64(k)*1000, 2+k*4
		spans = append(spans,
			mk(id, 1, span.Inference, t, t+400, model("gpt-4o-mini"), tokens(200+100*int64(k), 30), agent("planner")),
			mk(id+1, id, span.HTTPClient, t+10, t+390),
			mk(id+2, 1, span.Tool, t+400, t+900, tool(fmt.Sprint("search", k)), args(k+1), agent("planner")),
			mk(id+3, id+2, span.MCPClient, t+410, t+890, toolsCall(fmt.Sprint("search", k))),
		)
	}
	spans = append(spans, mk(18, 1, span.Task, 0, 10), mk(19, 18, span.Database, 0, 5), mk(20, 1, span.Other, 5, 9))
	for i, j := 0, len(spans)-1; i < j; i, j = i+1, j-1 {
		spans[i], spans[j] = spans[j], spans[i]
	}
	return spans
}
