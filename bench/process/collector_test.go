package main

import (
	"strings"
	"testing"
)

func TestAcceptedPointsAreThoseOfAllReceivers(t *testing.T) {
	const exposition = `# HELP otelcol_receiver_accepted_metric_points_total Number of metric points [Alpha]
# TYPE otelcol_receiver_accepted_metric_points_total counter
otelcol_receiver_accepted_metric_points_total{receiver="host_metrics",transport=""} 16000
otelcol_receiver_accepted_metric_points_total{receiver="odd } name",transport=""} 1.2e+06
otelcol_receiver_refused_metric_points_total{receiver="host_metrics",transport=""} 7
`
	if got, err := parseAccepted(strings.NewReader(exposition)); err != nil || got != 1216000 {
		t.Errorf("got %d, %v", got, err)
	}
	if got, err := parseAccepted(strings.NewReader("")); err != nil || got != 0 {
		t.Errorf("before the first: got %d, %v", got, err)
	}
	if got, err := parseAccepted(strings.NewReader("otelcol_receiver_accepted_metric_points_total{} many\n")); err == nil {
		t.Errorf("got %d and no error", got)
	}
}
