package main

import (
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

func TestAChangeIsATenthFromEverywhere(t *testing.T) {
	f := newFleet(1000)
	before := slices.Clone(f.values)
	requests, err := f.change()
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, b := range requests {
		request := pmetricotlp.NewExportRequest()
		if err := request.UnmarshalProto(b); err != nil {
			t.Fatal(err)
		}
		sent += request.Metrics().DataPointCount()
	}
	var parts [10]int
	changed := 0
	for i, v := range f.values {
		if v != before[i] {
			changed++
			parts[i/100]++
		}
	}
	if sent != changed || changed < 90 || changed > 101 {
		t.Errorf("%d points were sent and %d series have changed, of 1000", sent, changed)
	}
	if slices.Min(parts[:]) < 8 {
		t.Errorf("of each hundred there changed %v", parts)
	}
}

func TestAllSendsEachSeriesInBatches(t *testing.T) {
	requests, err := newFleet(2*batchSize + 1).all()
	if err != nil || len(requests) != 3 {
		t.Errorf("got %d requests, %v", len(requests), err)
	}
}

func TestWhatAScrapeLacksIsFound(t *testing.T) {
	f := newFleet(2)
	f.values = []float64{1.5, 1e21}
	text := "# TYPE agent_metric_00_total counter\n" +
		`agent_metric_00_total{agent_name="agent-0",instance="planner-1",job="planner",otel_scope_name="agents",otel_scope_schema_url="",otel_scope_version="",outcome="completed",workflow_type="research"} 1.5` + "\n" +
		`agent_metric_01{agent_name="agent-0",instance="planner-1",job="planner",otel_scope_name="agents",outcome="completed",workflow_type="research"} 1e+21` + "\n"
	if missing := f.missing([]byte(text)); missing != "" {
		t.Errorf("missing %s", missing)
	}
	for _, change := range [][2]string{{"1.5", "1.25"}, {"1e+21", "1e+22"}, {"_total{", "{"}, {`"research"} 1e`, `"other"} 1e`}} {
		if f.missing([]byte(strings.Replace(text, change[0], change[1], 1))) == "" {
			t.Errorf("%q for %q is not found", change[1], change[0])
		}
	}
}
