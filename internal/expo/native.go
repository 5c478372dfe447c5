package expo

import (
	"math"
	"slices"
)

// Native is the buckets of an exponential histogram: bucket i of Positive counts
// values in (b^(Offset+i), b^(Offset+i+1)] where b = 2^(2^-Scale), Negative the
// same of values below zero, as the OpenTelemetry metrics data model has it.
type Native struct {
	Scale              int32
	ZeroThreshold      float64
	ZeroCount          uint64
	Positive, Negative Buckets
}

// Buckets are the counts of neighbouring buckets.
type Buckets struct {
	Offset int32
	Counts []uint64
}

const (
	// Scales, which Prometheus calls schemas, that its native histograms can have.
	minSchema, maxSchema = -4, 8
	// maxScale and minScale bound what is accepted at all; the data model sends
	// nothing outside them.
	minScale, maxScale = -10, 20
	// maxBuckets bounds the buckets of a side. SDKs have 160; a sum of histograms
	// is made coarser until it has no more than this.
	maxBuckets = 1024
	// defaultThreshold is the width of the zero bucket where none is told, as the
	// Prometheus libraries have it.
	defaultThreshold = 1e-128
)

func (n *Native) fits() bool {
	for _, b := range []*Buckets{&n.Positive, &n.Negative} {
		if len(b.Counts) > maxBuckets || int64(b.Offset)+int64(len(b.Counts)) > math.MaxInt32 {
			return false
		}
	}
	return n.Scale >= minScale && n.Scale <= maxScale && n.ZeroThreshold >= 0
}

// Clone returns a copy; nil of nil.
func (n *Native) Clone() *Native {
	if n == nil {
		return nil
	}
	other := *n
	other.Positive.Counts = slices.Clone(n.Positive.Counts)
	other.Negative.Counts = slices.Clone(n.Negative.Counts)
	return &other
}

func (n *Native) same(other *Native) bool {
	if n == nil || other == nil {
		return n == other
	}
	return n.Scale == other.Scale && n.ZeroThreshold == other.ZeroThreshold && n.ZeroCount == other.ZeroCount &&
		n.Positive.same(&other.Positive) && n.Negative.same(&other.Negative)
}

func (b *Buckets) same(other *Buckets) bool {
	return slices.Equal(b.Counts, other.Counts) && (b.Offset == other.Offset || len(b.Counts) == 0)
}

// Add adds the counts of another histogram. The result has the coarser scale of
// the two, or an even coarser one where it would else have too many buckets, and
// the wider zero bucket.
func (n *Native) Add(other *Native) {
	o := other.Clone()
	scale := min(n.Scale, o.Scale)
	n.coarsen(scale)
	o.coarsen(scale)
	for n.Scale > minScale && (span(&n.Positive, &o.Positive) > maxBuckets || span(&n.Negative, &o.Negative) > maxBuckets) {
		n.coarsen(n.Scale - 1)
		o.coarsen(n.Scale)
	}
	threshold := max(n.ZeroThreshold, o.ZeroThreshold)
	n.widen(threshold)
	o.widen(threshold)
	n.ZeroCount += o.ZeroCount
	n.Positive.add(&o.Positive)
	n.Negative.add(&o.Negative)
}

// Since returns what has been added since an earlier state of the same histogram,
// at the coarser scale of the two. It fails where less is counted than then, which
// means that counting began anew.
func (n *Native) Since(earlier *Native) (*Native, bool) {
	now, then := n.Clone(), earlier.Clone()
	scale := min(now.Scale, then.Scale)
	now.coarsen(scale)
	then.coarsen(scale)
	threshold := max(now.ZeroThreshold, then.ZeroThreshold)
	now.widen(threshold)
	then.widen(threshold)
	if now.ZeroCount < then.ZeroCount || !now.Positive.subtract(&then.Positive) || !now.Negative.subtract(&then.Negative) {
		return nil, false
	}
	now.ZeroCount -= then.ZeroCount
	return now, true
}

// subtract fails where a bucket would have less than nothing.
func (b *Buckets) subtract(o *Buckets) bool {
	for i, c := range o.Counts {
		if c == 0 {
			continue
		}
		at := int64(o.Offset) + int64(i) - int64(b.Offset)
		if at < 0 || at >= int64(len(b.Counts)) || b.Counts[at] < c {
			return false
		}
		b.Counts[at] -= c
	}
	return true
}

// coarsen merges buckets down to a scale that is not finer.
func (n *Native) coarsen(scale int32) {
	n.Positive.shift(n.Scale - scale)
	n.Negative.shift(n.Scale - scale)
	n.Scale = scale
}

// shift merges each 2^by neighbours.
func (b *Buckets) shift(by int32) {
	if by <= 0 {
		return
	}
	by = min(by, 31)
	if len(b.Counts) == 0 {
		b.Offset >>= by
		return
	}
	offset := b.Offset >> by
	last := (b.Offset + int32(len(b.Counts)) - 1) >> by
	counts := make([]uint64, last-offset+1)
	for i, c := range b.Counts {
		counts[(b.Offset+int32(i))>>by-offset] += c
	}
	b.Offset, b.Counts = offset, counts
}

// widen moves into the zero bucket what lies wholly within a threshold.
func (n *Native) widen(threshold float64) {
	if threshold <= n.ZeroThreshold {
		return
	}
	n.ZeroThreshold = threshold
	for _, b := range []*Buckets{&n.Positive, &n.Negative} {
		for len(b.Counts) > 0 && upperBound(b.Offset, n.Scale) <= threshold {
			n.ZeroCount += b.Counts[0]
			b.Counts = b.Counts[1:]
			b.Offset++
		}
	}
}

// upperBound of the bucket with an index: base^(index+1).
func upperBound(index, scale int32) float64 {
	return math.Exp2(math.Ldexp(float64(index)+1, -int(scale)))
}

// span is how many buckets the sum of two would have.
func span(a, b *Buckets) int64 {
	switch {
	case len(a.Counts) == 0:
		return int64(len(b.Counts))
	case len(b.Counts) == 0:
		return int64(len(a.Counts))
	}
	first := min(int64(a.Offset), int64(b.Offset))
	end := max(int64(a.Offset)+int64(len(a.Counts)), int64(b.Offset)+int64(len(b.Counts)))
	return end - first
}

func (b *Buckets) add(o *Buckets) {
	if len(o.Counts) == 0 {
		return
	}
	if len(b.Counts) == 0 {
		*b = *o
		return
	}
	counts := make([]uint64, span(b, o))
	first := min(b.Offset, o.Offset)
	for i, c := range b.Counts {
		counts[b.Offset-first+int32(i)] += c
	}
	for i, c := range o.Counts {
		counts[o.Offset-first+int32(i)] += c
	}
	b.Offset, b.Counts = first, counts
}

// prometheus returns the histogram at a scale that Prometheus knows, or nil if
// it is too coarse for that.
func (n *Native) prometheus() *Native {
	switch {
	case n.Scale < minSchema:
		return nil
	case n.Scale > maxSchema:
		n = n.Clone()
		n.coarsen(maxSchema)
	}
	return n
}
