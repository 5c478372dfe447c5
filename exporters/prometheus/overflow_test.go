package prometheus

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadata"
	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// settled are agents that take all the room of a crowded exporter.
var settled = []string{"s", "t", "u", "v"}

// crowded returns an exporter with room for these, and a function that sends
// it a point of an agent and fails unless all of it is shown.
func crowded(t *testing.T) (*prometheusExporter, func(agent string, fill func(pmetric.Metric, func(pcommon.Map, func(pcommon.Timestamp))))) {
	c := createDefaultConfig().(*Config)
	c.MaxSeries = len(settled)
	e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	now := time.Now()
	return e, func(agent string, fill func(pmetric.Metric, func(pcommon.Map, func(pcommon.Timestamp)))) {
		t.Helper()
		now = now.Add(time.Second)
		md := pmetric.NewMetrics()
		m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("took")
		fill(m, func(attributes pcommon.Map, at func(pcommon.Timestamp)) {
			attributes.PutStr("agent", agent)
			at(pcommon.NewTimestampFromTime(now))
		})
		require.Zero(t, e.intake.consume(now, md).dropped)
	}
}

func TestHistogramsOfDifferentBucketsOverflowIntoThoseInCommon(t *testing.T) {
	e, send := crowded(t)
	histogram := func(agent string, sum float64, bounds []float64, buckets ...uint64) {
		t.Helper()
		send(agent, func(m pmetric.Metric, common func(pcommon.Map, func(pcommon.Timestamp))) {
			m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p := m.Histogram().DataPoints().AppendEmpty()
			common(p.Attributes(), p.SetTimestamp)
			p.ExplicitBounds().FromRaw(bounds)
			p.BucketCounts().FromRaw(buckets)
			for _, n := range buckets {
				p.SetCount(p.Count() + n)
			}
			p.SetSum(sum)
		})
	}
	for _, agent := range settled {
		histogram(agent, 1, []float64{1, 2, 5}, 1, 0, 0, 0)
	}
	histogram("b", 10, []float64{1, 2, 5}, 1, 2, 3, 4)
	histogram("c", 20, []float64{2, 3, 5}, 10, 20, 30, 40)
	histogram("b", 12, []float64{1, 2, 5}, 2, 2, 3, 5)
	got := page(e)
	for _, line := range []string{
		"took_bucket{otel_metric_overflow=\"true\",le=\"2\"} 14\n", "took_bucket{otel_metric_overflow=\"true\",le=\"5\"} 67\n",
		"took_bucket{otel_metric_overflow=\"true\",le=\"+Inf\"} 112\n", "took_count{otel_metric_overflow=\"true\"} 112\n",
		"took_sum{otel_metric_overflow=\"true\"} 32\n",
	} {
		require.Contains(t, got, line)
	}
	require.NotContains(t, got, `{otel_metric_overflow="true",le="1"}`)
	require.NotContains(t, got, `{otel_metric_overflow="true",le="3"}`)

	histogram("d", 7, nil) // of which nothing but the sum is known
	histogram("e", 8, nil, 6)
	got = page(e)
	require.Contains(t, got, "took_bucket{otel_metric_overflow=\"true\",le=\"+Inf\"} 118\n")
	require.NotContains(t, got, `{otel_metric_overflow="true",le="2"}`)
	require.Contains(t, got, "took_sum{otel_metric_overflow=\"true\"} 47\n")
}

func TestSummariesOverflowWithoutQuantiles(t *testing.T) {
	e, send := crowded(t)
	summary := func(agent string, count uint64, sum float64) {
		t.Helper()
		send(agent, func(m pmetric.Metric, common func(pcommon.Map, func(pcommon.Timestamp))) {
			p := m.SetEmptySummary().DataPoints().AppendEmpty()
			common(p.Attributes(), p.SetTimestamp)
			p.SetCount(count)
			p.SetSum(sum)
			q := p.QuantileValues().AppendEmpty()
			q.SetQuantile(0.5)
			q.SetValue(3)
		})
	}
	for _, agent := range settled {
		summary(agent, 1, 1)
	}
	summary("b", 10, 30)
	summary("c", 100, 300)
	summary("b", 11, 31)
	summary("c", 5, 15) // began anew
	got := page(e)
	require.Contains(t, got, "took_count{otel_metric_overflow=\"true\"} 116\n")
	require.Contains(t, got, "took_sum{otel_metric_overflow=\"true\"} 346\n")
	require.NotContains(t, got, `{otel_metric_overflow="true",quantile`)
}

func TestExponentialHistogramsOverflowAtTheCoarserScale(t *testing.T) {
	e, send := crowded(t)
	exponential := func(agent string, scale, offset int32, buckets ...uint64) {
		t.Helper()
		send(agent, func(m pmetric.Metric, common func(pcommon.Map, func(pcommon.Timestamp))) {
			m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			p := m.ExponentialHistogram().DataPoints().AppendEmpty()
			common(p.Attributes(), p.SetTimestamp)
			p.SetScale(scale)
			p.Positive().SetOffset(offset)
			p.Positive().BucketCounts().FromRaw(buckets)
			for _, n := range buckets {
				p.SetCount(p.Count() + n)
			}
		})
	}
	for _, agent := range settled {
		exponential(agent, 0, 0, 1)
	}
	exponential("b", 1, 0, 1, 2, 3, 4) // two of them make one of scale 0
	exponential("c", 0, 1, 10)
	exponential("b", 1, 0, 1, 2, 3, 6)
	exponential("b", 0, 0, 3, 10, 5) // coarser from now on
	total, ok := e.intake.beyond.totals.Get("took")
	require.True(t, ok)
	require.Equal(t, &expo.Native{Positive: expo.Buckets{Offset: 0, Counts: []uint64{3, 20, 5}}}, total.total.Native)
	require.Contains(t, page(e), "took_count{otel_metric_overflow=\"true\"} 28\n")
	exponential("b", 0, 0, 3) // began anew
	require.Equal(t, []uint64{6, 20, 5}, total.total.Native.Positive.Counts)
}
