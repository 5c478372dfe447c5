package main

import (
	"maps"
	"slices"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// spansOf decodes a request.
func spansOf(t *testing.T, body []byte) (spans []ptrace.Span) {
	t.Helper()
	r := ptraceotlp.NewExportRequest()
	if err := r.UnmarshalProto(body); err != nil {
		t.Fatal(err)
	}
	for _, rs := range r.Traces().ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				spans = append(spans, sp)
			}
		}
	}
	return spans
}

func TestRequestsHoldWhatTheySayAndRootsComeWithTheNext(t *testing.T) {
	l, err := newLoad()
	if err != nil {
		t.Fatal(err)
	}
	const sent = 3*templates + 7
	got := make(tally)
	traces := make(map[pcommon.TraceID][]int) // requests in which they came
	for i := range sent {
		spans := spansOf(t, l.next())
		if len(spans) != batchSize {
			t.Fatalf("request %d has %d spans", i, len(spans))
		}
		for _, sp := range spans {
			if in := traces[sp.TraceID()]; len(in) == 0 || in[len(in)-1] != i {
				traces[sp.TraceID()] = append(in, i)
			}
			raw := sp.Attributes().AsRaw()
			switch {
			case sp.Kind() == ptrace.SpanKindServer && raw["http.route"] != nil:
				got["route POST "+raw["http.route"].(string)+" "+string('0'+byte(raw["http.response.status_code"].(int64)/100))+"xx"]++
			case raw["gen_ai.operation.name"] == "execute_tool":
				got["tool "+raw["gen_ai.tool.name"].(string)]++
			case raw["db.collection.name"] != nil:
				got["table SELECT "+raw["db.collection.name"].(string)]++
			}
		}
	}
	if !maps.Equal(got, l.held()) {
		t.Errorf("sent: %s", differ(l.held(), got))
	}
	if want := sent*(agentTraces+plainTraces) + agentTraces; len(traces) != want {
		t.Errorf("%d traces, want %d", len(traces), want)
	}
	twice := 0
	for _, in := range traces {
		if len(in) > 2 || len(in) == 2 && in[1] != in[0]+1 {
			t.Fatalf("a trace came with requests %v", in)
		}
		twice += len(in) - 1
	}
	if want := (sent - 1) * agentTraces; twice != want {
		t.Errorf("%d roots came later, want %d", twice, want)
	}
}

func TestRoutesAreAllSentEquallyOften(t *testing.T) {
	l, err := newRoutes(500, 4)
	if err != nil {
		t.Fatal(err)
	}
	routes := make(map[string]int)
	for range l.requests {
		for _, sp := range spansOf(t, l.next()) {
			route, _ := sp.Attributes().Get("http.route")
			routes[route.Str()]++
		}
	}
	counts := slices.Collect(maps.Values(routes))
	if len(counts) != 500 || slices.Min(counts) != 4 || slices.Max(counts) != 4 {
		t.Errorf("%d routes, from %d to %d times", len(counts), slices.Min(counts), slices.Max(counts))
	}
}

func TestRunsHaveTwentySpansAndNoRoot(t *testing.T) {
	l, err := newRuns()
	if err != nil {
		t.Fatal(err)
	}
	spans := make(map[pcommon.TraceID]int)
	for range 2 {
		for _, sp := range spansOf(t, l.next()) {
			if sp.ParentSpanID().IsEmpty() {
				t.Fatalf("%s is a root", sp.Name())
			}
			spans[sp.TraceID()]++
		}
	}
	if len(spans) != 2*batchSize/20 {
		t.Fatalf("%d traces", len(spans))
	}
	for id, n := range spans {
		if n != 20 {
			t.Fatalf("trace %s has %d spans", id, n)
		}
	}
}
