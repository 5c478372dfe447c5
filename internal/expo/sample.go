package expo

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// Sample is the state of a series at a time. Which fields count depends on the
// type of the family: Value for gauges, counters and untyped ones; Count, Sum,
// Bounds and Buckets for histograms; Count, Sum and Quantiles for summaries.
type Sample struct {
	// Time is in milliseconds since 1970; zero for unknown.
	Time  int64
	Value float64

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
	// Quantiles are strictly increasing.
	Quantiles []Quantile
}

// Quantile of a summary; the quantile is between 0 and 1.
type Quantile struct{ Quantile, Value float64 }

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
	case Summary:
		for i, q := range s.Quantiles {
			if !(q.Quantile >= 0 && q.Quantile <= 1) || i > 0 && q.Quantile <= s.Quantiles[i-1].Quantile {
				return false
			}
		}
	}
	return true
}

type series struct {
	family *family
	// key is the head of the series' own line and its identity in the store.
	key string
	// body is what stands between the braces: the order of series in a family.
	body   string
	labels []Label
	seen   time.Time
	writer *Handle
	gone   bool

	written bool
	sample  Sample
	// text is the sample in writing, and old when it must be written again. For
	// types of one line the head is left out, since key has it.
	text []byte
	old  bool
}

// set takes the sample over, and marks what it changes.
func (ser *series) set(s Sample, timestamps bool) {
	have := &ser.sample
	same := ser.written && (!timestamps || have.Time == s.Time)
	switch ser.family.kind {
	case Histogram, Summary:
		same = same && have.Count == s.Count && equal(have.Sum, s.Sum) && have.NoSum == s.NoSum &&
			slices.Equal(have.Bounds, s.Bounds) && slices.Equal(have.Buckets, s.Buckets) &&
			slices.EqualFunc(have.Quantiles, s.Quantiles, func(a, b Quantile) bool {
				return a.Quantile == b.Quantile && equal(a.Value, b.Value)
			})
	default:
		same = same && equal(have.Value, s.Value)
	}
	if same {
		have.Time = s.Time
		return
	}
	s.Bounds = append(have.Bounds[:0], s.Bounds...)
	s.Buckets = append(have.Buckets[:0], s.Buckets...)
	s.Quantiles = append(have.Quantiles[:0], s.Quantiles...)
	ser.sample = s
	ser.written, ser.old = true, true
	ser.family.changed = true
}

// equal compares bits, so that NaN is the same as NaN and 0 is not -0.
func equal(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func (ser *series) appendTo(dst []byte, timestamps bool) []byte {
	if ser.old {
		ser.old = false
		ser.text = ser.format(ser.text[:0], timestamps)
	}
	switch ser.family.kind {
	case Histogram, Summary:
	default:
		dst = append(dst, ser.key...)
	}
	return append(dst, ser.text...)
}

func (ser *series) format(dst []byte, timestamps bool) []byte {
	s, names := &ser.sample, ser.family.names
	at := s.Time
	if !timestamps {
		at = 0
	}
	line := func(name, extra string, number, v float64) {
		dst = appendHead(dst, name, ser.body, extra, number)
		dst = appendValue(dst, v, at)
	}
	switch ser.family.kind {
	case Histogram:
		below := uint64(0)
		for i, bound := range s.Bounds {
			if math.IsInf(bound, 1) {
				break
			}
			below += s.Buckets[i]
			line(names[1], "le", bound, float64(below))
		}
		line(names[1], "le", math.Inf(1), float64(s.Count))
	case Summary:
		for _, q := range s.Quantiles {
			line(names[0], "quantile", q.Quantile, q.Value)
		}
	default:
		return appendValue(dst, s.Value, at)
	}
	if !s.NoSum {
		line(names[len(names)-2], "", 0, s.Sum)
	}
	line(names[len(names)-1], "", 0, float64(s.Count))
	return dst
}

// appendValue writes the rest of a line after its head.
func appendValue(dst []byte, v float64, at int64) []byte {
	dst = append(dst, ' ')
	dst = appendFloat(dst, v)
	if at != 0 {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, at, 10)
	}
	return append(dst, '\n')
}

// appendFloat writes a number as Prometheus' own libraries do: the shortest
// decimal that reads back as the same float64.
func appendFloat(dst []byte, v float64) []byte {
	switch {
	case v == 0:
		return append(dst, '0')
	case v == 1:
		return append(dst, '1')
	case math.IsInf(v, 1):
		return append(dst, "+Inf"...)
	default:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	}
}
