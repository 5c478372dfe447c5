package main

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// perProcess is what host_metrics sends: a resource a process.
func perProcess(processes ...map[string]float64) pmetric.Metrics {
	m := pmetric.NewMetrics()
	for _, p := range processes {
		metrics := m.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
		for key, v := range p {
			name, part, _ := strings.Cut(key, "/")
			metric := metrics.AppendEmpty()
			metric.SetName(name)
			point := metric.SetEmptySum().DataPoints().AppendEmpty()
			point.SetDoubleValue(v)
			point.Attributes().PutStr("state", part)
		}
	}
	return m
}

func TestSumsAreOverAllProcessesAndApartByDirection(t *testing.T) {
	got := sums(perProcess(
		map[string]float64{"process.disk.io/read": 1, "process.disk.io/write": 10, "process.threads": 1},
		map[string]float64{"process.disk.io/read": 2, "process.disk.io/write": 20, "process.threads": 3}))
	want := map[string]float64{"process.disk.io/read": 3, "process.disk.io/write": 30, "process.threads": 4}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for key := range want {
		if got[key] != want[key] {
			t.Errorf("%s: got %v, want %v", key, got[key], want[key])
		}
	}
}

func TestCountersAreComparedByTheirGrowth(t *testing.T) {
	compared := []comparison{
		{ours: "process.cpu.time", theirs: "process.cpu.time", counter: true},
		{ours: "process.thread.count", theirs: "process.threads"},
	}
	got := growth(compared,
		perProcess(map[string]float64{"process.cpu.time/user": 5, "process.threads": 2}),
		perProcess(map[string]float64{"process.cpu.time/user": 7, "process.threads": 3}))
	if len(got) != 2 || got["process.cpu.time/user"] != 2 || got["process.threads"] != 3 {
		t.Errorf("got %v", got)
	}
}

func TestComparisonFindsWhatDiffers(t *testing.T) {
	compared := []comparison{
		{what: "time", ours: "process.cpu.time", theirs: "process.cpu.time", counter: true, perWorker: 0.01},
		{what: "threads", ours: "process.thread.count", theirs: "process.threads"},
	}
	theirs := map[string]float64{"process.cpu.time/user": 5, "process.cpu.time/wait": 1, "process.threads": 12}
	for _, c := range []struct {
		name, want string
		ours       map[string]float64
	}{
		{"a tick for each worker", "", map[string]float64{"process.cpu.time/user": 5.1, "process.thread.count": 12}},
		{"more than that", "time user: agent_process says 5.2, host_metrics 5", map[string]float64{"process.cpu.time/user": 5.2, "process.thread.count": 12}},
		{"a thread", "threads: agent_process says 13, host_metrics 12", map[string]float64{"process.cpu.time/user": 5, "process.thread.count": 13}},
		{"what is not sent", "threads: agent_process sends no process.thread.count", map[string]float64{"process.cpu.time/user": 5}},
		{"what is not compared", "agent_process sends process.uptime, which is not compared",
			map[string]float64{"process.cpu.time/user": 5, "process.thread.count": 12, "process.uptime": 1}},
	} {
		_, err := compare(compared, 10, c.ours, theirs)
		if got := errorText(err); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	_, err := compare(compared, 10, map[string]float64{"process.cpu.time/user": 5, "process.thread.count": 12}, map[string]float64{"process.threads": 12})
	if got := errorText(err); got != "time: host_metrics sends no process.cpu.time" {
		t.Errorf("got %q", got)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
