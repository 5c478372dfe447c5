package prometheus

import (
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/expo"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

// overflowLabel marks the series of what had no room, as the OpenTelemetry SDKs
// do; see "Cardinality limits" in the specification of the metrics SDK.
const overflowLabel = "otel_metric_overflow"

// overflow puts points together for which there is no room. What cumulative
// streams have sent before is remembered, for as many of them as series may be:
// the total is the sum of what each of them adds.
type overflow struct {
	members *boundedmap.Map[series.ID, *member]
	totals  *boundedmap.Map[string, *stream]
}

// member is a cumulative stream without a series: what it sent last.
type member struct {
	value   float64
	count   uint64
	sum     float64
	buckets []uint64
	native  *expo.Native
}

// memberTTL is how long a silent stream is remembered. If it comes back later
// all of its count is added again.
const memberTTL = time.Hour

func newOverflow(limit int) *overflow {
	return &overflow{
		members: boundedmap.New[series.ID, *member](limit, memberTTL),
		totals:  boundedmap.New[string, *stream](limit, memberTTL),
	}
}

// overflow writes a point that has no room to the overflow series of its metric:
// counters, histograms and summaries are summed, of gauges the last one stays.
// Buckets are those that all histograms have, since only for these it is known how
// many values are in them; quantiles are left out, since those of several streams
// do not tell that of all. Where even that cannot be, the point is dropped.
func (b *batch) overflow(f expo.Family, id series.ID, sample *expo.Sample, delta bool) {
	if !b.aggregate {
		b.drop(overLimit, 1)
		return
	}
	sample.Quantiles = sample.Quantiles[:0]
	if f.Type == expo.Histogram && sample.Native == nil && len(sample.Buckets) == 0 {
		sample.Buckets = append(sample.Buckets, sample.Count) // there is always the one up to +Inf
	}
	cumulative := !delta && (f.Type == expo.Counter || f.Type == expo.Histogram || f.Type == expo.Summary)
	if cumulative && !b.beyond.increase(b.now, id, sample) {
		b.drop(overLimit, 1)
		return
	}
	st, ok := b.beyond.totals.GetOrCreate(b.now, f.Name, func() *stream { return &stream{} })
	if !ok {
		b.drop(overLimit, 1)
		return
	}
	if f.Type == expo.Histogram && st.total != nil {
		if st.total.Native == nil != (sample.Native == nil) {
			b.drop(overLimit, 1) // a reset each time two sources take turns would be worse
			return
		}
		level(st.total, sample)
	}
	sample.Exemplars, sample.Created = nil, 0
	if cumulative || delta {
		st.accumulate(sample)
	}
	if _, err := b.store.Set(b.now, &st.Handle, sample); err != nil {
		st.Handle = expo.Handle{}
		d := expo.Description{Family: f, Labels: []expo.Label{{Name: overflowLabel, Value: "true"}}, Overflow: true}
		if _, err := b.store.Open(b.now, &st.Handle, d); err != nil {
			b.beyond.totals.Delete(f.Name)
			b.drop(overLimit, 1)
			return
		}
		_, _ = b.store.Set(b.now, &st.Handle, sample) // just opened, and of the type
	}
	b.outcome.overflowed++
	b.tell(overflowing, b.metric.Name())
}

// overflowing is logged when overflow begins.
const overflowing = "max_series is reached: putting points of new series together in one series a metric"

// increase puts in the place of a cumulative sample what it adds to the one
// before it, or all of it after a reset. It fails if there is no room to
// remember it.
func (o *overflow) increase(now time.Time, id series.ID, s *expo.Sample) bool {
	m, ok := o.members.GetOrCreate(now, id, func() *member { return &member{} })
	if !ok {
		return false
	}
	last := *m
	*m = member{s.Value, s.Count, s.Sum, slices.Clone(s.Buckets), s.Native.Clone()}
	if s.Value < last.value || s.Count < last.count || len(s.Buckets) != len(last.buckets) {
		return true
	}
	if s.Native != nil && last.native != nil {
		grown, ok := s.Native.Since(last.native)
		if !ok {
			return true
		}
		s.Native = grown
	}
	s.Value -= last.value
	s.Count -= last.count
	s.Sum -= last.sum
	for i, before := range last.buckets {
		if s.Buckets[i] < before {
			before = 0
		}
		s.Buckets[i] -= before
	}
	return true
}
