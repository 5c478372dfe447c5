package prometheus

import (
	"cmp"
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
	origin origin
	metric pmetric.Metric
	id     series.ID
}

// stream is the points of one source with one set of attributes.
type stream struct {
	handle *expo.Handle
	last   pcommon.Timestamp
	// total is the sum of the deltas so far.
	total expo.Sample
}

// isLate reports whether a point must be ignored, because what was seen is newer
// or, for a delta, covers it. Points without a time are taken as they come.
func (st *stream) isLate(t pcommon.Timestamp, delta bool) bool {
	return t != 0 && (t < st.last || delta && t == st.last)
}

// accumulate adds a delta to the total and puts the total in its place. Deltas
// with other buckets than before start anew, which Prometheus sees as a reset.
func (st *stream) accumulate(s *expo.Sample) {
	t := &st.total
	if !slices.Equal(t.Bounds, s.Bounds) || len(t.Buckets) != len(s.Buckets) {
		*t = expo.Sample{Bounds: slices.Clone(s.Bounds), Buckets: make([]uint64, len(s.Buckets))}
	}
	t.Value += s.Value
	t.Count += s.Count
	t.Sum += s.Sum
	t.NoSum = t.NoSum || s.NoSum
	for i, n := range s.Buckets {
		t.Buckets[i] += n
	}
	*s = *t
}

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

func (b *batch) number(p pmetric.NumberDataPoint, delta bool) {
	common := point{p.Attributes(), p.Timestamp(), p.Flags()}
	switch p.ValueType() {
	case pmetric.NumberDataPointValueTypeInt:
		b.write(common, &expo.Sample{Value: float64(p.IntValue())}, delta)
	case pmetric.NumberDataPointValueTypeDouble:
		b.write(common, &expo.Sample{Value: p.DoubleValue()}, delta)
	default:
		b.write(common, nil, delta)
	}
}

func (b *batch) histogram(p pmetric.HistogramDataPoint, delta bool) {
	s := &expo.Sample{
		Count: p.Count(), Sum: p.Sum(), NoSum: !p.HasSum(),
		Bounds: b.scratch.Bounds[:0], Buckets: b.scratch.Buckets[:0],
	}
	for _, bound := range p.ExplicitBounds().All() {
		s.Bounds = append(s.Bounds, bound)
	}
	for _, n := range p.BucketCounts().All() {
		s.Buckets = append(s.Buckets, n)
	}
	b.scratch.Bounds, b.scratch.Buckets = s.Bounds, s.Buckets
	b.write(point{p.Attributes(), p.Timestamp(), p.Flags()}, s, delta)
}

// exponential keeps count and sum, which are exact. The buckets of an exponential
// histogram change with its scale; the text format has no way to write that.
func (b *batch) exponential(p pmetric.ExponentialHistogramDataPoint, delta bool) {
	b.write(point{p.Attributes(), p.Timestamp(), p.Flags()}, &expo.Sample{Count: p.Count(), Sum: p.Sum(), NoSum: !p.HasSum()}, delta)
}

func (b *batch) summary(p pmetric.SummaryDataPoint) {
	s := &expo.Sample{Count: p.Count(), Sum: p.Sum(), Quantiles: b.scratch.Quantiles[:0]}
	for _, q := range p.QuantileValues().All() {
		s.Quantiles = append(s.Quantiles, expo.Quantile{Quantile: q.Quantile(), Value: q.Value()})
	}
	slices.SortFunc(s.Quantiles, func(a, b expo.Quantile) int { return cmp.Compare(a.Quantile, b.Quantile) })
	b.scratch.Quantiles = s.Quantiles
	b.write(point{p.Attributes(), p.Timestamp(), p.Flags()}, s, false)
}
