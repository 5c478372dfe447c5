package agenthealth

import (
	"context"
	"flag"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadatatest"
)

var update = flag.Bool("update", false, "write the golden files")

// measured has one of each measurement that a probe makes.
func measured() check.Result {
	r := healthy
	server := map[string]string{"server.address": "db:5432"}
	version := map[string]string{"mcp.protocol.version": "2025-11-25"}
	r.Measurements = []check.Measurement{
		{Name: "a2a.agent.card.size", Value: 2048},
		{Name: "a2a.agent.interfaces", Value: 2, Attributes: map[string]string{"a2a.protocol.version": "0.3", "a2a.protocol.binding": "http_json"}},
		{Name: "a2a.agent.skills", Value: 4},
		{Name: "database.connection_pool.active", Value: 7, Attributes: server},
		{Name: "database.connection_pool.utilization", Value: 0.25, Attributes: server},
		{Name: "database.connection_pool.waiting", Value: 1, Attributes: server},
		{Name: "database.replication.lag", Value: 1.5, Attributes: server},
		{Name: "database.size", Value: 1 << 20, Attributes: server},
		{Name: "database.transaction.oldest_age", Value: 60.5, Attributes: server},
		{Name: "heartbeat.age", Value: 12.5},
		{Name: "heartbeat.instances", Value: 2},
		{Name: "heartbeat.signal.age", Value: 14.5, Attributes: map[string]string{"signal": "traces"}},
		{Name: "heartbeat.work.age", Value: 15.5},
		{Name: "host.load", Value: 0.75},
		{Name: "host.pressure", Value: 0.125, Attributes: map[string]string{"resource": "io"}},
		{Name: "host.utilization", Value: 0.5, Attributes: map[string]string{"resource": "open_files"}},
		{Name: "http.certificate.expiry", Value: 86400.5},
		{Name: "mcp.certificate.expiry", Value: 86400.5},
		{Name: "mcp.contract.differences", Value: 1, Attributes: map[string]string{"mcp.contract.change": "breaking"}},
		{Name: "mcp.protocol.info", Value: 1, Attributes: map[string]string{"mcp.protocol.version": "2026-07-28", "mcp.protocol.era": "stateless"}},
		{Name: "mcp.token.expiry", Value: 3600.5},
		{Name: "mcp.tools", Value: 12, Attributes: version},
		{Name: "mcp.tools.definition_size", Value: 4096, Attributes: version},
		{Name: "mcp.tools.definition_tokens", Value: 1024, Attributes: version},
		{Name: "redis.clients.connected", Value: 3},
		{Name: "redis.cluster.nodes", Value: 5, Attributes: map[string]string{"status": "ok"}},
		{Name: "redis.cluster.nodes", Value: 1, Attributes: map[string]string{"status": "pfail"}},
		{Name: "redis.cluster.nodes", Value: 0, Attributes: map[string]string{"status": "fail"}},
		{Name: "redis.cluster.slots_uncovered", Value: 5461},
		{Name: "redis.cluster.state", Value: 1},
		{Name: "redis.keys.evicted", Value: 99},
		{Name: "redis.memory.used", Value: 2048},
		{Name: "redis.memory.utilization", Value: 0.5},
		{Name: "redis.replicas.connected", Value: 2},
		{Name: "redis.replication.link_up", Value: 1},
		{Name: "redis.sentinel.masters", Value: 3, Attributes: map[string]string{"status": "sdown"}},
		{Name: "redis.sentinel.quorum_missing", Value: 1},
		{Name: "tls.certificate.expiry", Value: 86400.5},
	}
	return r
}

// sent returns what the receiver sends at the given time after its start.
func sent(t *testing.T, after time.Duration, checks ...check.Check) *metricsSink {
	t.Helper()
	sink := newMetricsSink()
	r := withChecks(t, settings(), checks...)
	r.metrics = sink
	start(t, r)
	until(after)
	return sink
}

func TestMetricsMatchTheGoldenFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		after  time.Duration
		checks []check.Check
	}{
		"before_the_first_run": {0, []check.Check{critical(fake("db", answering(healthy)))}},
		"healthy_measured":     {15 * time.Second, []check.Check{fake("everything", answering(measured()))}},
		"unhealthy":            {45 * time.Second, []check.Check{critical(fake("db", answering(measured(), refused))), fake("cache", answering(slow))}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := sent(t, tc.after, tc.checks...).last()
				file := filepath.Join("testdata", "metrics", name+".yaml")
				if *update {
					require.NoError(t, golden.WriteMetrics(t, file, got, golden.SkipMetricTimestampNormalization()))
				}
				want, err := golden.ReadMetrics(file)
				require.NoError(t, err)
				require.NoError(t, pmetrictest.CompareMetrics(want, got, pmetrictest.IgnoreMetricsOrder(), pmetrictest.IgnoreMetricDataPointsOrder()))
			})
		})
	}
}

func TestCumulativePointsStartWhenTheReceiverDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := pcommon.NewTimestampFromTime(time.Now())
		sink := sent(t, time.Minute, fake("db", answering(healthy, refused)))
		for _, batch := range sink.batches {
			for _, m := range batch.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
				if m.Name() != "agent.health.check.runs" && m.Name() != "agent.health.status" {
					continue
				}
				for _, p := range m.Sum().DataPoints().All() {
					require.Equal(t, began, p.StartTimestamp())
				}
			}
		}
	})
}

func TestAMeasurementOfAnEarlierRunIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := sent(t, time.Minute, fake("db", answering(measured(), refused)))
		require.Contains(t, names(sink, 1), "database.size")
		require.NotContains(t, names(sink, len(sink.batches)-1), "database.size")
		require.Contains(t, names(sink, len(sink.batches)-1), "agent.health.status")
	})
}

func names(s *metricsSink, batch int) []string {
	var out []string
	for _, m := range s.batches[batch].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		out = append(out, m.Name())
	}
	return out
}

func TestEveryMeasurementBecomesTheMetricOfItsName(t *testing.T) {
	var want []string
	for name := range recordMeasurement {
		want = append(want, name)
	}
	slices.Sort(want)
	var have []string
	for _, m := range measured().Measurements {
		have = append(have, m.Name)
	}
	require.Equal(t, want, slices.Compact(have), "the table and the example in this file agree")
	synctest.Test(t, func(t *testing.T) {
		got := names(sent(t, 2*time.Second, fake("all", answering(measured()))), 1)
		require.Subset(t, got, want)
	})
}

func TestAnUnknownMeasurementIsCountedAndNotSent(t *testing.T) {
	tel := componenttest.NewTelemetry()
	synctest.Test(t, func(t *testing.T) {
		set := settings()
		set.TelemetrySettings = tel.NewTelemetrySettings()
		odd := healthy
		odd.Measurements = []check.Measurement{{Name: "moon.phase", Value: 1}}
		r := withChecks(t, set, fake("db", answering(odd)))
		r.metrics = newMetricsSink()
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		until(15 * time.Second)
		require.NotContains(t, names(r.metrics.(*metricsSink), 2), "moon.phase")
		metadatatest.AssertEqualReceiverAgentHealthUnknownMeasurements(t, tel, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
		require.NoError(t, r.Shutdown(t.Context()))
	})
	require.NoError(t, tel.Shutdown(context.Background()))
}

func BenchmarkBatchOf100Checks(b *testing.B) {
	var snapshots []check.Snapshot
	for range 100 {
		snapshots = append(snapshots, check.Snapshot{
			Name: "check", Type: "http", State: check.Healthy, LastRun: time.Now(),
			Steps: []check.Step{{Name: "dns"}, {Name: "connect"}, {Name: "tls"}, {Name: "request"}, {Name: "body"}},
			Runs:  []check.RunCount{{Result: check.Healthy, Count: 1}},
		})
	}
	r, err := newAgentHealth(anonymous(), settings(), func() {})
	require.NoError(b, err)
	recorder := newRecorder(r)
	b.ReportAllocs()
	for b.Loop() {
		recorder.batch(time.Now(), snapshots)
	}
}
