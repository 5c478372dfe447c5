package expo

import (
	"math"
	"slices"
)

// Sample is the state of a series at a time. Which fields count depends on the
// type of the family: Value for gauges, counters and untyped ones; Count, Sum,
// Bounds, Buckets and Native for histograms; Count, Sum and Quantiles for
// summaries; Exemplars for counters and histograms.
type Sample struct {
	// Time is in nanoseconds since 1970; zero for unknown.
	Time int64
	// Created is when counting began, likewise.
	Created int64
	Value   float64

	Count uint64
	Sum   float64
	// NoSum leaves the _sum line out, for histograms of values below zero.
	NoSum bool

	// Bounds are the upper, inclusive bounds of the buckets, strictly increasing
	// and none of them NaN; a last bound of +Inf is allowed and adds nothing.
	Bounds []float64
	// Buckets are the numbers of values in each bucket, not cumulative, with one
	// more than there are bounds. Both may be empty.
	Buckets []uint64
	// Native has the exponential buckets of a histogram, nil for none.
	Native *Native
	// Quantiles are strictly increasing.
	Quantiles []Quantile
	// Exemplars, the last one for a bucket wins. They are not written in the text
	// format.
	Exemplars []Exemplar
}

// Quantile of a summary; the quantile is between 0 and 1.
type Quantile struct{ Quantile, Value float64 }

// Exemplar is a value and the span that it was measured in.
type Exemplar struct {
	TraceID [16]byte
	SpanID  [8]byte
	Value   float64
	// Time is in nanoseconds since 1970; zero for unknown.
	Time int64
}

// Fits reports whether the sample keeps the rules of its type, as Store.Set
// demands.
func (s *Sample) Fits(t Type) bool {
	switch t {
	case Histogram:
		if len(s.Bounds) > 0 && len(s.Buckets) != len(s.Bounds)+1 {
			return false
		}
		for i, b := range s.Bounds {
			if math.IsNaN(b) || i > 0 && b <= s.Bounds[i-1] {
				return false
			}
		}
		if s.Native != nil && !s.Native.fits() {
			return false
		}
	case Summary:
		for i, q := range s.Quantiles {
			if !(q.Quantile >= 0 && q.Quantile <= 1) || i > 0 && q.Quantile <= s.Quantiles[i-1].Quantile {
				return false
			}
		}
	}
	return true
}

// compound is the part of a sample that is more than a number.
type compound struct {
	count     uint64
	sum       float64
	noSum     bool
	ladder    *ladder
	buckets   []uint64
	native    *Native
	quantiles []Quantile
	exemplars []Exemplar
}

// same reports whether a sample says what the compound holds.
func (c *compound) same(s *Sample) bool {
	var bounds []float64
	if c.ladder != nil {
		bounds = c.ladder.bounds
	}
	return c.count == s.Count && equal(c.sum, s.Sum) && c.noSum == s.NoSum &&
		slices.Equal(c.buckets, s.Buckets) && slices.Equal(bounds, s.Bounds) &&
		slices.EqualFunc(c.quantiles, s.Quantiles, func(a, b Quantile) bool {
			return a.Quantile == b.Quantile && equal(a.Value, b.Value)
		}) && sameExemplars(c.exemplars, s.Exemplars) && c.native.same(s.Native)
}

func (c *compound) take(f *family, s *Sample) {
	c.count, c.sum, c.noSum = s.Count, s.Sum, s.NoSum
	if len(s.Bounds) == 0 {
		c.ladder = nil
	} else if c.ladder == nil || !slices.Equal(c.ladder.bounds, s.Bounds) {
		c.ladder = f.ladderOf(s.Bounds)
	}
	c.buckets = append(c.buckets[:0], s.Buckets...)
	c.quantiles = append(c.quantiles[:0], s.Quantiles...)
	c.exemplars = append(c.exemplars[:0], s.Exemplars...)
	c.native = s.Native.Clone()
}

func (c *compound) sample() Sample {
	s := Sample{Count: c.count, Sum: c.sum, NoSum: c.noSum, Buckets: c.buckets, Native: c.native,
		Quantiles: c.quantiles, Exemplars: c.exemplars}
	if c.ladder != nil {
		s.Bounds = c.ladder.bounds
	}
	return s
}

func sameExemplars(a, b []Exemplar) bool {
	return slices.EqualFunc(a, b, func(a, b Exemplar) bool {
		return a.TraceID == b.TraceID && a.SpanID == b.SpanID && a.Time == b.Time && equal(a.Value, b.Value)
	})
}

// equal compares bits, so that NaN is the same as NaN and 0 is not -0.
func equal(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }
