package prometheus

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadata"
	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadatatest"
)

// fleet returns n series of one counter.
func fleet(n int, at time.Time, v float64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("agent.steps")
	m.SetDescription("Steps.")
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for i := range n {
		p := m.Sum().DataPoints().AppendEmpty()
		p.SetDoubleValue(v)
		p.SetTimestamp(pcommon.NewTimestampFromTime(at))
		p.Attributes().PutStr("agent.name", fmt.Sprintf("agent-%06d", i))
		p.Attributes().PutStr("workflow.type", "research")
		p.Attributes().PutStr("outcome", "completed")
	}
	return md
}

// reading returns one gauge of a resource.
func reading(resource map[string]any, v float64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	_ = rm.Resource().Attributes().FromRaw(resource)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("reading")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetDoubleValue(v)
	p.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	return md
}

// silent returns an exporter that serves nothing.
func silent(t testing.TB) *prometheusExporter {
	e, err := newExporter(createDefaultConfig().(*Config), exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	return e
}

// page is a scrape without a network, for tests in virtual time; only the lines
// of samples.
func page(e *prometheusExporter) string {
	w := httptest.NewRecorder()
	newHandler(e.store, e.config).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if line[0] != '#' {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestSeriesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := silent(t)
		agent := map[string]any{"service.name": "a"}
		require.NoError(t, e.consume(t.Context(), reading(agent, 1)))
		time.Sleep(5*time.Minute - time.Nanosecond)
		require.Equal(t, "reading{job=\"a\"} 1\ntarget_info{job=\"a\"} 1\n", page(e))
		time.Sleep(time.Nanosecond)
		require.Empty(t, page(e))

		require.NoError(t, e.consume(t.Context(), reading(agent, 2)))
		require.Equal(t, "reading{job=\"a\"} 2\ntarget_info{job=\"a\"} 1\n", page(e))
	})
}

func TestACounterThatReturnsGoesOnWithWhatItsSourceSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := silent(t)
		require.NoError(t, e.consume(t.Context(), fleet(1, time.Now(), 100)))
		time.Sleep(time.Hour)
		require.Empty(t, page(e))
		require.NoError(t, e.consume(t.Context(), fleet(1, time.Now(), 130)))
		require.Equal(t, "agent_steps_total{agent_name=\"agent-000000\",outcome=\"completed\",workflow_type=\"research\"} 130\n", page(e))
	})
}

func TestASenderWhoseClockWasSetBackIsHeardAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := silent(t)
		require.NoError(t, e.consume(t.Context(), fleet(1, time.Now().Add(time.Hour), 100)))
		for range 4 {
			time.Sleep(time.Minute)
			require.NoError(t, e.consume(t.Context(), fleet(1, time.Now(), 130)))
			require.Contains(t, page(e), " 100\n")
		}
		time.Sleep(time.Minute)
		require.NoError(t, e.consume(t.Context(), fleet(1, time.Now(), 130)))
		require.Contains(t, page(e), " 130\n")
	})
}

func TestTargetInfoShowsOneResourceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := silent(t)
		run := func(pid int) map[string]any {
			return map[string]any{"service.name": "a", "service.instance.id": "1", "process.pid": pid}
		}
		info := func() string { _, info, _ := strings.Cut(page(e), "target_info"); return info }
		for range 3 {
			require.NoError(t, e.consume(t.Context(), reading(run(1), 1)))
			require.NoError(t, e.consume(t.Context(), reading(run(2), 1)))
			require.Equal(t, "{instance=\"1\",job=\"a\",process_pid=\"1\"} 1\n", info(), "no turns while both live")
			time.Sleep(15 * time.Second)
		}
		time.Sleep(time.Minute)
		require.NoError(t, e.consume(t.Context(), reading(run(2), 1)))
		require.Equal(t, "{instance=\"1\",job=\"a\",process_pid=\"2\"} 1\n", info(), "the first has fallen silent")
	})
}

func TestOwnTelemetryCountsByReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := componenttest.NewTelemetry()
		core, logs := observer.New(zap.WarnLevel)
		set := metadatatest.NewSettings(tel)
		set.Logger = zap.New(core)
		c := createDefaultConfig().(*Config)
		c.MaxSeries, c.Overflow, c.DeltaTemporality = 4, OverflowDrop, DeltaDrop
		e, err := newExporter(c, set)
		require.NoError(t, err)
		require.NoError(t, e.observe())

		consume := func(md pmetric.Metrics) { require.NoError(t, e.consume(t.Context(), md)) }
		nameless := fleet(1, time.Now(), 1)
		first(nameless).SetName("???")
		first(nameless).SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		consume(nameless)
		consume(fleet(6, time.Now(), 1))                 // two more than max_series
		consume(fleet(3, time.Now().Add(-time.Hour), 1)) // older than what is known
		deltas := fleet(5, time.Now(), 1)
		first(deltas).Sum().SetIsMonotonic(false)
		first(deltas).Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		consume(deltas)
		empty := fleet(1, time.Now(), 1)
		pmetric.NewNumberDataPoint().CopyTo(first(empty).Sum().DataPoints().At(0))
		consume(empty)

		time.Sleep(6 * time.Minute) // everything so far has expired
		consume(fleet(1, time.Now(), 1))
		gauge := fleet(1, time.Now(), 1)
		first(gauge).SetName("agent.steps.total")
		first(gauge).SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
		consume(gauge) // agent_steps_total is a counter
		for range 2 {
			for pid := range 2 {
				md := reading(map[string]any{"process.pid": pid, "service.name": "a"}, float64(pid))
				first(md).Gauge().DataPoints().At(0).Attributes().PutStr("job", "own")
				consume(md)
			}
		}

		point := func(reason string, n int64) metricdata.DataPoint[int64] {
			return metricdata.DataPoint[int64]{Attributes: attribute.NewSet(attribute.String("reason", reason)), Value: n}
		}
		metadatatest.AssertEqualExporterPrometheusDroppedPoints(t, tel, []metricdata.DataPoint[int64]{
			point("conflict", 1), point("limit", 2), point("malformed", 1), point("name", 1),
			point("out_of_order", 3), point("temporality", 5),
		}, metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualExporterPrometheusSeries(t, tel, []metricdata.DataPoint[int64]{{Value: 3}}, metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualExporterPrometheusCollisions(t, tel, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualExporterPrometheusRenamedLabels(t, tel, []metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())

		var told []string
		for _, entry := range logs.All() {
			told = append(told, fmt.Sprint(entry.Message, " ", entry.ContextMap()["metric"]))
		}
		require.Equal(t, []string{
			"dropping points: no character of the metric's name can be used ???",
			"dropping points of new series: max_series is reached agent.steps",
			"dropping points: temporality is unspecified, or delta and delta_temporality is drop agent.steps",
			"dropping points that contradict themselves or have no value agent.steps",
			"dropping points: another metric has the same name and another type, or writes lines of that name agent.steps.total",
			"sources that differ in no label overwrite each other's series; the last to write wins reading",
		}, told)
		require.NoError(t, e.shutdown(t.Context()))
		require.NoError(t, tel.Shutdown(t.Context()))
	})
}

func first(md pmetric.Metrics) pmetric.Metric {
	return md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
}

func BenchmarkConsume10k(b *testing.B) {
	e := silent(b)
	batches := []pmetric.Metrics{fleet(10_000, time.Now(), 0.5), fleet(10_000, time.Now(), 123.5)}
	for i := range batches { // the benchmark is about points of known series, in order
		for _, p := range first(batches[i]).Sum().DataPoints().All() {
			p.SetTimestamp(0)
		}
		require.NoError(b, e.consume(b.Context(), batches[i]))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := e.consume(b.Context(), batches[i%2]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/point")
}

func BenchmarkConsume10kNew(b *testing.B) {
	md := fleet(10_000, time.Now(), 0.5)
	b.ReportAllocs()
	for b.Loop() {
		if err := silent(b).consume(b.Context(), md); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/point")
}
