package workflow

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// sheaf is spans of any number of traces.
type sheaf struct {
	traces ptrace.Traces
	spans  ptrace.SpanSlice
}

func newSheaf() *sheaf {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "hostile")
	return &sheaf{td, rs.ScopeSpans().AppendEmpty().Spans()}
}

// span adds one that begins now and takes a second.
func (s *sheaf) span(trace, id, parent uint64, name string, attributes ...string) ptrace.Span {
	sp := s.spans.AppendEmpty()
	var t pcommon.TraceID
	var own, above pcommon.SpanID
	binary.BigEndian.PutUint64(t[8:], trace)
	binary.BigEndian.PutUint64(own[:], id)
	binary.BigEndian.PutUint64(above[:], parent)
	sp.SetTraceID(t)
	sp.SetSpanID(own)
	sp.SetParentSpanID(above)
	sp.SetName(name)
	sp.SetKind(ptrace.SpanKindInternal)
	sp.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	sp.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(time.Second)))
	for i := 0; i < len(attributes); i += 2 {
		sp.Attributes().PutStr(attributes[i], attributes[i+1])
	}
	return sp
}

func (s *sheaf) tool(trace, id, parent uint64, tool string) ptrace.Span {
	return s.span(trace, id, parent, "execute_tool "+tool, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", tool)
}

func (s *sheaf) agent(trace, id, parent uint64, agent string) ptrace.Span {
	return s.span(trace, id, parent, "invoke_agent "+agent, "gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", agent)
}

// after lets so much time pass, and what is due in it happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// sums adds up the points of each metric.
func (r *rig) sums() map[string]float64 {
	sums := make(map[string]float64)
	for name, v := range r.values() {
		metric, _, _ := strings.Cut(name, "{")
		sums[metric] += v
	}
	return sums
}

// passed counts the spans that were passed on, by name.
func (r *rig) passed() (spans []ptrace.Span) {
	for _, td := range r.traces.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					spans = append(spans, sp)
				}
			}
		}
	}
	return spans
}

func TestMillionAgentsToolsAndErrorTypesOverflowAndTheOldStayExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, batch, room = 1_000_000, 1000, 50
		r := newRig(t, func(c *Config) { c.MaxSeries, c.MaxWorkflows = room, 5000 }, "metrics")
		defer r.shutdown()
		trace := uint64(0)
		old := func(s *sheaf) {
			trace++
			sp := s.tool(trace, 1, 0, "old")
			sp.Attributes().PutStr("gen_ai.agent.name", "old")
			sp.Attributes().PutStr("error.type", "old")
		}
		first := newSheaf()
		old(first)
		r.send(first.traces)
		after(time.Hour) // the old one is there before the others come
		for range n / batch {
			s := newSheaf()
			old(s)
			for range batch {
				trace++
				x := strconv.FormatUint(trace, 36)
				sp := s.tool(trace, 1, 0, "tool-"+x)
				sp.Attributes().PutStr("gen_ai.agent.name", "agent-"+x)
				sp.Attributes().PutStr("gen_ai.agent.id", "id-"+x)
				sp.Attributes().PutStr("error.type", "error-"+x)
			}
			r.send(s.traces)
		}
		after(time.Hour)
		const olds = n/batch + 1
		got, sums := r.values(), r.sums()
		for metric, known := range map[string]string{
			"agent.tool.calls": "tool=old", "agent.tool.call.duration": "tool=old", "errors": "error_type=old",
			"agent.workflow.executions": "workflow_type=old",
		} {
			require.Equal(t, float64(n+olds), sums[metric], metric)
			exact, series := 0.0, 0
			for name, v := range got {
				if strings.HasPrefix(name, metric+"{") && strings.Contains(name, known) {
					exact += v
					series++
				}
			}
			require.Equal(t, float64(olds), exact, metric)
			require.Equal(t, float64(n-(room-series)), got[metric+"{otel.metric.overflow=true}"], metric)
		}
		points := 0
		for name := range got {
			if strings.HasPrefix(name, "agent.tool.calls{") {
				points++
			}
		}
		require.Equal(t, room+1, points)
	})
}

func TestCyclicAndMissingParentsAreCountedOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		const n = 1000
		s := newSheaf()
		for i := range uint64(n) {
			s.tool(1, i+1, (i+1)%n+1, fmt.Sprint("circle-", i))       // one circle
			s.tool(2, i+1, i^1+1, fmt.Sprint("pair-", i))             // circles of two
			s.tool(3, i+1, i+1, fmt.Sprint("own-parent-", i))         // each its own parent
			s.tool(4, i+1, 1_000_000+i, fmt.Sprint("missing-", i))    // parents that never come
			s.tool(5+i, 1, 1_000_000, fmt.Sprint("lone-missing-", i)) // and one in a trace
		}
		r.send(s.traces)
		require.Len(t, r.passed(), 5*n, "they pass at once")
		after(time.Hour)
		sums := r.sums()
		require.Equal(t, 5.0*n, sums["agent.tool.calls"])
		require.Equal(t, 5.0*n, sums["agent.tool.call.duration"])
		// Tools with nothing above them that could be an agent are no workflow.
		require.Equal(t, 1.0+n, sums["agent.workflow.executions"])
		require.Zero(t, sums["agent.active_workflows"])
		r.shutdown()
		require.Len(t, r.passed(), 5*n)
	})
}

func TestTraceOfAHundredThousandSpansIsCountedExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		const n = 100_000
		for from := uint64(0); from < n; from += 1000 {
			s := newSheaf()
			for i := from; i < from+1000; i++ {
				s.tool(1, i+2, 1, fmt.Sprint("tool-", i%50))
			}
			r.send(s.traces)
			after(100 * time.Millisecond)
		}
		root := newSheaf()
		root.agent(1, 1, 0, "planner")
		r.send(root.traces)
		require.Len(t, r.passed(), n+1)
		after(time.Hour)
		got, sums := r.values(), r.sums()
		require.Equal(t, float64(n), sums["agent.tool.calls"])
		perTool := make(map[string]float64)
		for name, v := range got {
			if rest, ok := strings.CutPrefix(name, "agent.tool.calls{"); ok {
				perTool[rest[strings.Index(rest, "tool="):]] += v
			}
		}
		require.Len(t, perTool, 50)
		for tool, v := range perTool {
			require.Equal(t, float64(n/50), v, tool)
		}
		require.Equal(t, 1.0, sums["agent.workflow.executions"])
		require.Zero(t, sums["agent.active_workflows"])
	})
}

func TestSpansHoursLateAreCountedAndMakeNoSecondWorkflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		s := newSheaf()
		s.agent(1, 1, 0, "planner")
		s.tool(1, 2, 1, "search")
		r.send(s.traces)
		after(5 * time.Hour)
		for i := range uint64(3) {
			late := newSheaf()
			late.tool(1, 10+i, 1, "search")
			r.send(late.traces)
			after(time.Hour)
		}
		sums := r.sums()
		require.Equal(t, 4.0, sums["agent.tool.calls"])
		require.Equal(t, 1.0, sums["agent.workflow.executions"])
		late := 0
		for _, sp := range r.passed() {
			if _, ok := sp.Attributes().Get(attrLate); ok {
				late++
			}
		}
		require.Equal(t, 3, late)
	})
}

func TestWorkflowOfTwelveHoursIsOneWorkflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		began := time.Now()
		const minutes = 12 * 60
		for i := range uint64(minutes) {
			s := newSheaf()
			s.tool(1, i+2, 1, fmt.Sprint("tool-", i%7))
			r.send(s.traces)
			after(time.Minute)
			if i == minutes/2 {
				require.Equal(t, 1.0, r.sums()["agent.active_workflows"])
				require.InDelta(t, 6*3600+60, r.values()["agent.workflow.oldest{}"], 61)
			}
		}
		s := newSheaf()
		root := s.agent(1, 1, 0, "planner")
		root.SetStartTimestamp(pcommon.NewTimestampFromTime(began))
		root.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		r.send(s.traces)
		after(time.Minute)
		got, sums := r.values(), r.sums()
		require.Equal(t, float64(minutes), sums["agent.tool.calls"])
		require.Equal(t, 1.0, sums["agent.workflow.executions"])
		require.Equal(t, 1.0, sums["agent.workflow.duration"])
		require.Zero(t, sums["agent.active_workflows"])
		require.Zero(t, sums["agent.workflow.stalled"])
		require.InDelta(t, 12*3600, r.durations()["agent.workflow.duration"], 1e-6, "%v", got)
		passed := r.passed()
		require.Len(t, passed, minutes+1)
		steps, _ := passed[minutes].Attributes().Get(attrSteps)
		require.Equal(t, int64(minutes), steps.Int())
	})
}

// durations adds up the sums of the points of each histogram.
func (r *rig) durations() map[string]float64 {
	sums := make(map[string]float64)
	all := r.metrics.AllMetrics()
	for _, rm := range all[len(all)-1].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Type() != pmetric.MetricTypeHistogram {
					continue
				}
				for _, dp := range m.Histogram().DataPoints().All() {
					sums[m.Name()] += dp.Sum()
				}
			}
		}
	}
	return sums
}

func TestSkewedClocksMakeNeitherNegativeNorLongTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		const n = 100
		s := newSheaf()
		for i := range uint64(n) {
			skew := []time.Duration{-5 * time.Hour, 5 * time.Hour, -20 * 365 * 24 * time.Hour, 0}[i%4]
			s.agent(i+1, 1, 0, "planner")
			client := s.span(i+1, 2, 1, "tools/call search", "mcp.method.name", "tools/call", "gen_ai.tool.name", "search", "server.address", "tools")
			client.SetKind(ptrace.SpanKindClient)
			server := s.span(i+1, 3, 2, "tools/call search", "mcp.method.name", "tools/call", "gen_ai.tool.name", "search")
			server.SetKind(ptrace.SpanKindServer)
			server.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(skew)))
			server.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(skew + 500*time.Millisecond)))
			backwards := s.span(i+1, 4, 3, "GET /", "http.request.method", "GET", "http.route", "/")
			backwards.SetKind(ptrace.SpanKindServer)
			backwards.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(skew + time.Hour)))
			backwards.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(skew)))
		}
		r.send(s.traces)
		after(time.Hour)
		sums, took := r.sums(), r.durations()
		for _, metric := range []string{"agent.tool.calls", "mcp.tool.calls", "http.requests", "http.request.duration", "agent.workflow.executions"} {
			require.Equal(t, float64(n), sums[metric], metric)
		}
		require.InDelta(t, float64(n), took["agent.tool.call.duration"], 1e-6, "as the client saw them: a second each")
		require.InDelta(t, float64(n), took["mcp.tool.call.duration"], 1e-6)
		require.InDelta(t, float64(n), took["agent.workflow.duration"], 1e-6)
		require.Zero(t, took["http.request.duration"], "what ended before it began took no time")
	})
}

func TestValuesOfAMebibyteAreCutAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		defer r.shutdown()
		huge := strings.Repeat("é", 1<<19)
		keys := []string{
			"gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.provider.name",
			"gen_ai.request.model", "gen_ai.workflow.name", "workflow.type", "workflow.priority", "error.type", "http.route", "http.request.method",
			"db.system.name", "db.operation.name", "db.collection.name", "db.query.text", "mcp.method.name", "server.address", "nobody.knows.this",
		}
		s := newSheaf()
		for i, key := range keys {
			s.span(uint64(i)+100, 1, 0, "what is this", key, huge)
		}
		for i := range uint64(5) {
			s.agent(i+1, 1, 0, huge)
			s.tool(i+1, 2, 1, huge).Attributes().PutStr("gen_ai.tool.call.arguments", `{"q":"`+huge+`"}`)
			request := s.span(i+1, 3, 1, "GET", "http.request.method", "GET", "http.route", huge, "error.type", huge)
			request.SetKind(ptrace.SpanKindServer)
			query := s.span(i+1, 4, 1, huge, "db.system.name", "postgresql", "db.operation.name", huge, "db.collection.name", huge)
			query.SetKind(ptrace.SpanKindClient)
		}
		r.send(s.traces)
		after(time.Hour)
		sums := r.sums()
		require.Equal(t, 5.0, sums["agent.tool.calls"])
		require.Equal(t, 5.0, sums["http.requests"])
		require.GreaterOrEqual(t, sums["database.operations"], 5.0)
		require.GreaterOrEqual(t, sums["agent.workflow.executions"], 5.0)
		for name := range r.values() {
			require.Less(t, len(name), 2000, "labels are cut")
		}
		passed := r.passed()
		require.Len(t, passed, len(keys)+4*5)
		removed := 0
		for _, sp := range passed {
			if _, there := sp.Attributes().Get("gen_ai.tool.call.arguments"); there {
				require.Fail(t, "content has passed")
			}
			if size, ok := sp.Attributes().Get(attrContent); ok && size.Int() == int64(len(`{"q":""}`)+len(huge)) {
				removed++
			}
		}
		require.Equal(t, 5, removed)
	})
}

// TestDeathLosesAnnotationsAndNoSpans is what a kill -9 does: nothing of the first
// connector's shutdown happens before the second has taken over.
func TestDeathLosesAnnotationsAndNoSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, before, later = 200, 3, 2
		dies := newRig(t, nil)
		defer dies.shutdown()
		for trace := range uint64(n) {
			s := newSheaf()
			for i := range uint64(before) {
				s.tool(trace+1, i+10, 1, fmt.Sprint("tool-", i))
			}
			dies.send(s.traces)
		}
		require.Len(t, dies.passed(), n*before, "no span waits for its workflow")

		lives := newRig(t, nil)
		defer lives.shutdown()
		for trace := range uint64(n) {
			s := newSheaf()
			for i := range uint64(later) {
				s.tool(trace+1, i+20, 1, fmt.Sprint("tool-", i))
			}
			s.agent(trace+1, 1, 0, "planner")
			lives.send(s.traces)
		}
		roots := 0
		for _, sp := range lives.passed() {
			if steps, ok := sp.Attributes().Get(attrSteps); ok {
				roots++
				require.Equal(t, int64(later), steps.Int(), "what the dead one knew is not in the annotation")
			}
		}
		require.Equal(t, n, roots)
		after(time.Hour)
		sums := lives.sums()
		require.Equal(t, float64(n), sums["agent.workflow.executions"])
		require.Equal(t, float64(n*later), sums["agent.tool.calls"])
		require.Equal(t, n*(before+later+1), len(dies.passed())+len(lives.passed()))
	})
}
