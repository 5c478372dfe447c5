package jaeger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var now = time.Unix(1_000_000, 0)

// traces makes one resource and scope a span; a span is its trace and the key of
// its only attribute.
func traces(spans ...[2]string) ptrace.Traces {
	td := ptrace.NewTraces()
	for _, s := range spans {
		sp := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		sp.SetTraceID(traceID(s[0]))
		sp.SetName(s[0])
		if s[1] != "" {
			sp.Attributes().PutStr(s[1], "x")
		}
	}
	return td
}

func traceID(name string) (id pcommon.TraceID) {
	copy(id[:], name)
	return id
}

func names(td ptrace.Traces) (out []string) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				out = append(out, sp.Name())
			}
		}
	}
	return out
}

func TestEverySpanOfATraceWithAnAgentIsKept(t *testing.T) {
	td := traces([2]string{"agent", "http.route"}, [2]string{"plain", "http.route"}, [2]string{"agent", "gen_ai.system"})
	require.Equal(t, 1, removed(newSelector(10).keep(now, td)))
	require.Equal(t, []string{"agent", "agent"}, names(td))
	require.Equal(t, 2, td.ResourceSpans().Len(), "empty resources are left out")
}

func TestLaterSpansOfAWorkflowAreKeptUntilItIsForgotten(t *testing.T) {
	s := newSelector(10)
	s.keep(now, traces([2]string{"agent", "mcp.method.name"}))

	later := traces([2]string{"agent", ""})
	require.Zero(t, removed(s.keep(now.Add(time.Hour), later)))

	s.keep(now.Add(rememberFor), traces([2]string{"other", "gen_ai.system"}))
	s.workflows.Expire(now.Add(rememberFor))
	require.Equal(t, 1, removed(s.keep(now.Add(rememberFor), traces([2]string{"agent", ""}))))
}

func TestAFullMemoryStillKeepsWhatARequestShows(t *testing.T) {
	s := newSelector(1)
	s.keep(now, traces([2]string{"first", "gen_ai.system"}))

	td := traces([2]string{"second", "gen_ai.system"}, [2]string{"second", ""})
	gone, refused := s.keep(now, td)
	require.Zero(t, gone)
	require.Equal(t, 1, refused, "a workflow that is not remembered is counted")
	require.Equal(t, 1, removed(s.keep(now, traces([2]string{"second", ""}))))
	require.Zero(t, removed(s.keep(now, traces([2]string{"first", ""}))))
}

func TestAScopeOfAgentsNeedsNoAttribute(t *testing.T) {
	td := traces([2]string{"adk", ""})
	td.ResourceSpans().At(0).ScopeSpans().At(0).Scope().SetName("gcp.vertex.agent")
	require.Zero(t, removed(newSelector(10).keep(now, td)))
}

func TestAMarkOfAnEarlierComponentMakesAWorkflow(t *testing.T) {
	s := newSelector(10)
	require.Zero(t, removed(s.keep(now, traces([2]string{"marked", workflowMark + "id"}, [2]string{"marked", "http.route"}))))
	require.Zero(t, removed(s.keep(now, traces([2]string{"marked", ""}))), "and it is remembered")
	require.Equal(t, 1, removed(s.keep(now, traces([2]string{"other", "watchkeeper.trace.url"}))), "a link is no mark")
}

func removed(removed, _ int) int { return removed }

func BenchmarkKeep(b *testing.B) {
	s := newSelector(1000)
	td := ptrace.NewTraces()
	ss := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	for range 100 {
		sp := ss.Spans().AppendEmpty()
		sp.SetTraceID(traceID("agent"))
		sp.Attributes().PutStr("http.route", "/")
		sp.Attributes().PutStr("gen_ai.system", "x")
	}
	b.ReportAllocs()
	for b.Loop() {
		if removed(s.keep(now, td)) != 0 {
			b.Fatal("a span of a workflow is gone")
		}
	}
}
