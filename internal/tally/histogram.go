package tally

import (
	"iter"
	"sort"
	"time"
)

// Histogram sorts values into buckets by labels.
type Histogram struct {
	bounds []float64
	points *table[distribution]
	// buckets are those of the points, in chunks as theirs: one more than bounds for
	// each, not cumulative, the last for what is above every bound.
	buckets  [][]uint64
	overflow *overflown
}

type distribution struct {
	start     int64
	sum       float64
	exemplars *[]bucketExemplar // nil for none
}

// overflown is the overflow point, with its own buckets.
type overflown struct {
	distribution
	buckets []uint64
}

type bucketExemplar struct {
	bucket   int
	exemplar *Exemplar
}

// NewHistogram makes an empty histogram. A value that equals a bound belongs to the
// bucket below it, as in OTLP and Prometheus. The bounds must ascend; they are
// kept.
func NewHistogram(bounds []float64, l Limits) *Histogram {
	return &Histogram{bounds: bounds, points: newTable[distribution](l)}
}

// Bounds are those that it was made with; they must not be changed.
func (h *Histogram) Bounds() []float64 { return h.bounds }

// Observe adds one value to the point of these labels. The exemplar may be nil; it
// is copied.
func (h *Histogram) Observe(now time.Time, labels Labels, v float64, e *Exemplar) {
	nanos := now.UnixNano()
	var p *distribution
	var buckets []uint64
	if n, fresh, ok := h.points.get(nanos, &labels); ok {
		p = &h.points.at(n).point
		if fresh {
			h.makeRoom()
			p.start = nanos
		}
		buckets = h.bucketsOf(n)
		if fresh {
			clear(buckets)
		}
	} else {
		if h.overflow == nil {
			h.overflow = &overflown{distribution{start: nanos}, make([]uint64, len(h.bounds)+1)}
		}
		p, buckets = &h.overflow.distribution, h.overflow.buckets
	}
	p.sum += v
	bucket := sort.SearchFloat64s(h.bounds, v)
	buckets[bucket]++
	if e.Valid() {
		p.remember(bucket, e)
	}
}

// makeRoom makes buckets for as many points as there is room for.
func (h *Histogram) makeRoom() {
	for len(h.buckets) < len(h.points.chunks) {
		h.buckets = append(h.buckets, make([]uint64, len(h.points.chunks[len(h.buckets)])*(len(h.bounds)+1)))
	}
}

func (h *Histogram) bucketsOf(n uint32) []uint64 {
	size := len(h.bounds) + 1
	from := int(n%chunkSize) * size
	return h.buckets[n/chunkSize][from : from+size : from+size]
}

// remember keeps the latest exemplar of each bucket, as the OpenTelemetry SDKs do
// for histograms with explicit bounds. They are told at the next collection, so
// that a point which is at rest has none.
func (d *distribution) remember(bucket int, e *Exemplar) {
	if d.exemplars == nil {
		d.exemplars = &[]bucketExemplar{}
	}
	for _, old := range *d.exemplars {
		if old.bucket == bucket {
			*old.exemplar = *e
			return
		}
	}
	copied := *e
	*d.exemplars = append(*d.exemplars, bucketExemplar{bucket, &copied})
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
		h.points.expire(now.UnixNano())
		for n, s := range h.points.all() {
			if !yield(s.point.collect(s.labels, false, h.bucketsOf(n))) {
				return
			}
		}
		if h.overflow != nil {
			yield(h.overflow.collect(Labels{}, true, h.overflow.buckets))
		}
	}
}

func (d *distribution) collect(labels Labels, overflow bool, buckets []uint64) HistogramPoint {
	p := HistogramPoint{Labels: labels, Overflow: overflow, Start: moment(d.start), Sum: d.sum, Buckets: buckets}
	for _, n := range buckets {
		p.Count += n
	}
	if d.exemplars != nil {
		for _, e := range *d.exemplars {
			p.Exemplars = append(p.Exemplars, e.exemplar)
		}
		d.exemplars = nil
	}
	return p
}

// Len is the number of points, the overflow point left out.
func (h *Histogram) Len() int { return h.points.len() }

// Refused is how many observations went to the overflow point.
func (h *Histogram) Refused() uint64 { return h.points.refused }
