package workflow

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
	"github.com/watchkeeper/watchkeeper/internal/tally"
)

// overflowKey marks the point of a metric that stands for all sets of labels that
// there was no room for, as the specification of the OpenTelemetry SDKs has it.
const overflowKey = "otel.metric.overflow"

// samples makes metrics of everything that was counted and of what is open at now.
func (l *ledger) samples(now time.Time, open []assembly.Open) pmetric.Metrics {
	md := pmetric.NewMetrics()
	scope := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	at := pcommon.NewTimestampFromTime(now)
	l.now = now
	l.measure(open)
	for id := range metricCount {
		m := pmetric.NewMetric()
		d := describe(id)
		m.SetName(d.Name)
		m.SetUnit(d.Unit)
		m.SetDescription(d.Description)
		points := 0
		switch d.Instrument {
		case Counter:
			points = writeSum(m.SetEmptySum(), at, d, l.counters[id].Collect(now))
		case Histogram:
			points = writeHistogram(m.SetEmptyHistogram(), at, d, l.histograms[id].Collect(now))
		case Gauge:
			points = writeGauge(m.SetEmptyGauge().DataPoints(), at, d, l.gauges[id].Collect(now))
		}
		if points > 0 {
			m.MoveTo(scope.Metrics().AppendEmpty())
		}
	}
	return md
}

func writeSum(sum pmetric.Sum, at pcommon.Timestamp, d Metric, points func(func(tally.CounterPoint) bool)) int {
	sum.SetIsMonotonic(true)
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for p := range points {
		dp := sum.DataPoints().AppendEmpty()
		dp.SetStartTimestamp(pcommon.NewTimestampFromTime(p.Start))
		dp.SetTimestamp(at)
		dp.SetDoubleValue(p.Value)
		writeLabels(dp.Attributes(), d, p.Labels, p.Overflow)
		if p.Exemplar != nil {
			writeExemplar(dp.Exemplars().AppendEmpty(), p.Exemplar)
		}
	}
	return sum.DataPoints().Len()
}

func writeHistogram(h pmetric.Histogram, at pcommon.Timestamp, d Metric, points func(func(tally.HistogramPoint) bool)) int {
	h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for p := range points {
		dp := h.DataPoints().AppendEmpty()
		dp.SetStartTimestamp(pcommon.NewTimestampFromTime(p.Start))
		dp.SetTimestamp(at)
		dp.SetSum(p.Sum)
		dp.SetCount(p.Count)
		dp.ExplicitBounds().FromRaw(d.Bounds)
		dp.BucketCounts().FromRaw(p.Buckets)
		writeLabels(dp.Attributes(), d, p.Labels, p.Overflow)
		for _, e := range p.Exemplars {
			writeExemplar(dp.Exemplars().AppendEmpty(), e)
		}
	}
	return h.DataPoints().Len()
}

// measure takes what is now.
func (l *ledger) measure(open []assembly.Open) {
	var age time.Duration
	for _, o := range open {
		l.gauge(active, float64(o.Count), o.Type, o.Priority)
		l.gauge(stalled, float64(o.Stalled), o.Type)
		age = max(age, o.Oldest)
	}
	l.gauge(oldest, age.Seconds())
	for name, seen := range l.lookups {
		if seen.all > 0 { // the share of nothing is no number: the last one stands
			seen.share = float64(seen.hits) / float64(seen.all)
		}
		seen.hits, seen.all = 0, 0
		l.gauge(cacheHit, seen.share, name)
	}
}

func writeGauge(points pmetric.NumberDataPointSlice, at pcommon.Timestamp, d Metric, values func(func(tally.GaugePoint) bool)) int {
	for p := range values {
		dp := points.AppendEmpty()
		dp.SetTimestamp(at)
		dp.SetDoubleValue(p.Value)
		writeLabels(dp.Attributes(), d, p.Labels, p.Overflow)
	}
	return points.Len()
}

func writeLabels(attributes pcommon.Map, d Metric, labels tally.Labels, overflow bool) {
	if overflow {
		attributes.PutBool(overflowKey, true)
		return
	}
	for i, key := range d.Labels {
		attributes.PutStr(key, labels[i])
	}
}

func writeExemplar(to pmetric.Exemplar, e *tally.Exemplar) {
	to.SetTimestamp(pcommon.NewTimestampFromTime(e.Time))
	to.SetDoubleValue(e.Value)
	to.SetTraceID(e.TraceID)
	to.SetSpanID(e.SpanID)
}
