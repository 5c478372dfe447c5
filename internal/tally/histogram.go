package tally

import (
	"iter"
	"sort"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
)

// Histogram sorts values into buckets by labels.
type Histogram struct {
	bounds   []float64
	points   *boundedmap.Map[Labels, *distribution]
	overflow *distribution
}

type distribution struct {
	start     time.Time
	sum       float64
	count     uint64
	buckets   []uint64 // not cumulative; the last is for what is above every bound
	exemplars []*Exemplar
}

// NewHistogram makes an empty histogram. A value that equals a bound belongs to the
// bucket below it, as in OTLP and Prometheus. The bounds must ascend; they are
// kept.
func NewHistogram(bounds []float64, l Limits) *Histogram {
	return &Histogram{bounds: bounds, points: boundedmap.New[Labels, *distribution](l.Points, l.TTL)}
}

// Bounds are those that it was made with; they must not be changed.
func (h *Histogram) Bounds() []float64 { return h.bounds }

// Observe adds one value to the point of these labels. The exemplar may be nil; it
// is copied.
func (h *Histogram) Observe(now time.Time, labels Labels, v float64, e *Exemplar) {
	p, ok := h.points.GetOrCreate(now, labels.fit(), func() *distribution { return h.empty(now) })
	if !ok {
		if h.overflow == nil {
			h.overflow = h.empty(now)
		}
		p = h.overflow
	}
	p.sum += v
	p.count++
	bucket := sort.SearchFloat64s(h.bounds, v)
	p.buckets[bucket]++
	if e.Valid() {
		p.remember(bucket, e, h.bounds)
	}
}

func (h *Histogram) empty(now time.Time) *distribution {
	return &distribution{start: now, buckets: make([]uint64, len(h.bounds)+1)}
}

// remember keeps the latest exemplar of each bucket, as the OpenTelemetry SDKs do
// for histograms with explicit bounds. They are told at the next collection, so
// that a point which is at rest has none.
func (d *distribution) remember(bucket int, e *Exemplar, bounds []float64) {
	copied := *e
	for i, old := range d.exemplars {
		if sort.SearchFloat64s(bounds, old.Value) == bucket {
			d.exemplars[i] = &copied
			return
		}
	}
	d.exemplars = append(d.exemplars, &copied)
}

// HistogramPoint is the distribution for one set of labels.
type HistogramPoint struct {
	Labels    Labels // empty for the overflow point
	Overflow  bool
	Start     time.Time // of the first observation
	Sum       float64
	Count     uint64
	Buckets   []uint64    // not cumulative, one more than bounds; valid until the next observation
	Exemplars []*Exemplar // the latest of each bucket since the last collection
}

// Collect yields every point. Points that are too old end first; an exemplar is
// told once. The order is by the last observation, oldest first, the overflow last.
func (h *Histogram) Collect(now time.Time) iter.Seq[HistogramPoint] {
	return func(yield func(HistogramPoint) bool) {
		h.points.Expire(now)
		for labels, d := range h.points.All() {
			if !yield(d.point(labels, false)) {
				return
			}
		}
		if h.overflow != nil {
			yield(h.overflow.point(Labels{}, true))
		}
	}
}

func (d *distribution) point(labels Labels, overflow bool) HistogramPoint {
	told := d.exemplars
	d.exemplars = nil
	return HistogramPoint{
		Labels: labels, Overflow: overflow, Start: d.start, Sum: d.sum, Count: d.count, Buckets: d.buckets, Exemplars: told,
	}
}

// Len is the number of points, the overflow point left out.
func (h *Histogram) Len() int { return h.points.Len() }

// Refused is how many observations went to the overflow point.
func (h *Histogram) Refused() uint64 { return h.points.Refused() }
