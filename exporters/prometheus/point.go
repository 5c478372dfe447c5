package prometheus

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/internal/expo"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

// batch is the points of one metric on their way in.
type batch struct {
	*intake
	now    time.Time
	place  place
	from   *expo.Origin
	metric pmetric.Metric
	id     series.ID
}

// point is what the types of points have in common.
type point struct {
	attributes pcommon.Map
	start      pcommon.Timestamp
	time       pcommon.Timestamp
	flags      pmetric.DataPointFlags
}

func (in *intake) metric(b *batch) {
	switch m := b.metric; m.Type() {
	case pmetric.MetricTypeGauge:
		b.from = nil // a gauge that nobody reads any more is worth nothing
		for _, p := range m.Gauge().DataPoints().All() {
			b.number(p, false)
		}
	case pmetric.MetricTypeSum:
		delta, ok := b.delta(m.Sum().AggregationTemporality(), m.Sum().DataPoints().Len())
		if !ok {
			return
		}
		if !m.Sum().IsMonotonic() && !delta {
			b.from = nil
		}
		for _, p := range m.Sum().DataPoints().All() {
			b.number(p, delta)
		}
	case pmetric.MetricTypeHistogram:
		if delta, ok := b.delta(m.Histogram().AggregationTemporality(), m.Histogram().DataPoints().Len()); ok {
			for _, p := range m.Histogram().DataPoints().All() {
				b.histogram(p, delta)
			}
		}
	case pmetric.MetricTypeExponentialHistogram:
		h := m.ExponentialHistogram()
		if delta, ok := b.delta(h.AggregationTemporality(), h.DataPoints().Len()); ok {
			for _, p := range h.DataPoints().All() {
				b.exponential(p, delta)
			}
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			b.summary(p)
		}
	}
}

// delta tells a temporality, and drops the points if they are not to be shown.
func (b *batch) delta(t pmetric.AggregationTemporality, points int) (delta, ok bool) {
	delta = t == pmetric.AggregationTemporalityDelta
	if t == pmetric.AggregationTemporalityUnspecified || delta && !b.deltas {
		b.drop(temporality, points)
		return delta, false
	}
	return delta, true
}

// write puts a sample, which it may change, into the series of a point.
func (b *batch) write(p point, sample *expo.Sample, delta bool) {
	id := b.id.Point(p.attributes)
	st := b.streams[id]
	if st != nil && st.isLate(p.time, delta) {
		// Not a use of the stream: a sender whose clock was set back is heard again
		// once what it sent before would have expired.
		if idle, alive := b.store.Idle(b.now, &st.Handle); alive && idle < b.expiration {
			b.drop(late, 1)
			return
		}
	}
	if p.flags.NoRecordedValue() || sample != nil && (isStale(sample.Value) || isStale(sample.Sum)) {
		if st != nil {
			b.store.Remove(&st.Handle)
			delete(b.streams, id)
		}
		return
	}
	if sample == nil || !sample.Fits(b.kind()) {
		b.drop(malformed, 1)
		return
	}
	sample.Time = int64(p.time)
	if b.kind() != expo.Untyped || b.metric.Type() == pmetric.MetricTypeSum && b.metric.Sum().IsMonotonic() {
		sample.Created = int64(p.start)
	}
	if st == nil {
		if len(b.streams) >= 2*b.limit {
			b.drop(overLimit, 1)
			return
		}
		st = &stream{}
		if !b.open(st, id, p, sample, delta) {
			return
		}
		b.streams[id] = st
	}
	if delta {
		st.accumulate(sample)
	}
	// What Set says against a sample was ruled out above.
	collided, err := b.store.Set(b.now, &st.Handle, sample)
	if errors.Is(err, expo.ErrGone) {
		st.Handle = expo.Handle{}
		if !b.open(st, id, p, sample, false) {
			delete(b.streams, id)
			return
		}
		collided, _ = b.store.Set(b.now, &st.Handle, sample)
	}
	if collided {
		b.tell("sources that differ in no label overwrite each other's series; the last to write wins", b.metric.Name())
	}
}

// open gives the stream a handle on its series, or says what becomes of the
// point instead.
func (b *batch) open(st *stream, id series.ID, p point, sample *expo.Sample, delta bool) bool {
	family, err := b.naming.family(b.metric)
	if err != nil {
		b.drop(nameless, 1)
		return false
	}
	labels, renamed := b.naming.labels(b.place, p.attributes)
	opened, err := b.store.Open(b.now, &st.Handle, expo.Description{Family: family, Labels: labels, Origin: b.from})
	switch {
	case errors.Is(err, expo.ErrFull):
		b.overflow(family, id, sample, delta)
	case errors.Is(err, expo.ErrConflict):
		b.drop(conflicting, 1)
	case err != nil:
		b.drop(nameless, 1)
	default:
		b.renamed += uint64(renamed)
		if opened.HelpDiffers {
			b.tell("sources describe a metric differently; the first description stays", b.metric.Name())
		}
		if opened.UnitDiffers {
			b.tell("sources give a metric different units; the first stays", b.metric.Name())
		}
		return true
	}
	return false
}

// isLate reports whether a point must be ignored, because what was seen is newer
// or, for a delta, covers it. Points without a time are taken as they come.
func (st *stream) isLate(t pcommon.Timestamp, delta bool) bool {
	last := pcommon.Timestamp(st.Time())
	return t != 0 && (t < last || delta && t == last)
}

// isStale recognises the NaN by which Prometheus says that a series has ended; see
// model/value in github.com/prometheus/prometheus.
func isStale(v float64) bool { return math.Float64bits(v) == 0x7ff0000000000002 }

func (b *batch) kind() expo.Type {
	switch b.metric.Type() {
	case pmetric.MetricTypeHistogram, pmetric.MetricTypeExponentialHistogram:
		return expo.Histogram
	case pmetric.MetricTypeSummary:
		return expo.Summary
	default:
		return expo.Untyped
	}
}

// sample returns an empty sample, whose memory is that of the one before.
func (b *batch) sample() *expo.Sample {
	s := &b.scratch
	*s = expo.Sample{Bounds: s.Bounds[:0], Buckets: s.Buckets[:0], Quantiles: s.Quantiles[:0], Exemplars: s.Exemplars[:0]}
	return s
}

func (b *batch) number(p pmetric.NumberDataPoint, delta bool) {
	common := point{p.Attributes(), p.StartTimestamp(), p.Timestamp(), p.Flags()}
	s := b.sample()
	switch p.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		s.Value = float64(p.IntValue())
	case pmetric.NumberDataPointValueTypeDouble:
		s.Value = p.DoubleValue()
	default:
		b.write(common, nil, delta)
		return
	}
	if p.Exemplars().Len() > 0 && b.metric.Type() == pmetric.MetricTypeSum && b.metric.Sum().IsMonotonic() {
		s.Exemplars = appendExemplars(s.Exemplars, p.Exemplars())
	}
	b.write(common, s, delta)
}

func (b *batch) histogram(p pmetric.HistogramDataPoint, delta bool) {
	s := b.sample()
	s.Count, s.Sum, s.NoSum = p.Count(), p.Sum(), !p.HasSum()
	for _, bound := range p.ExplicitBounds().All() {
		s.Bounds = append(s.Bounds, bound)
	}
	for _, n := range p.BucketCounts().All() {
		s.Buckets = append(s.Buckets, n)
	}
	s.Exemplars = appendExemplars(s.Exemplars, p.Exemplars())
	b.write(point{p.Attributes(), p.StartTimestamp(), p.Timestamp(), p.Flags()}, s, delta)
}

func (b *batch) exponential(p pmetric.ExponentialHistogramDataPoint, delta bool) {
	s := b.sample()
	s.Count, s.Sum, s.NoSum = p.Count(), p.Sum(), !p.HasSum()
	s.Native = &expo.Native{
		Scale: p.Scale(), ZeroThreshold: p.ZeroThreshold(), ZeroCount: p.ZeroCount(),
		Positive: buckets(p.Positive()), Negative: buckets(p.Negative()),
	}
	s.Exemplars = appendExemplars(s.Exemplars, p.Exemplars())
	b.write(point{p.Attributes(), p.StartTimestamp(), p.Timestamp(), p.Flags()}, s, delta)
}

func buckets(b pmetric.ExponentialHistogramDataPointBuckets) expo.Buckets {
	return expo.Buckets{Offset: b.Offset(), Counts: b.BucketCounts().AsRaw()}
}

func (b *batch) summary(p pmetric.SummaryDataPoint) {
	s := b.sample()
	s.Count, s.Sum = p.Count(), p.Sum()
	for _, q := range p.QuantileValues().All() {
		s.Quantiles = append(s.Quantiles, expo.Quantile{Quantile: q.Quantile(), Value: q.Value()})
	}
	slices.SortFunc(s.Quantiles, func(a, b expo.Quantile) int { return cmp.Compare(a.Quantile, b.Quantile) })
	b.write(point{p.Attributes(), p.StartTimestamp(), p.Timestamp(), p.Flags()}, s, false)
}

// appendExemplars takes those over that lead to a span; without one there is
// nothing to say of them.
func appendExemplars(dst []expo.Exemplar, from pmetric.ExemplarSlice) []expo.Exemplar {
	for _, e := range from.All() {
		if e.TraceID().IsEmpty() && e.SpanID().IsEmpty() {
			continue
		}
		taken := expo.Exemplar{TraceID: e.TraceID(), SpanID: e.SpanID(), Time: int64(e.Timestamp()), Value: e.DoubleValue()}
		if e.ValueType() == pmetric.ExemplarValueTypeInt {
			taken.Value = float64(e.IntValue())
		}
		dst = append(dst, taken)
	}
	return dst
}
