// Package series gives each stream of points an identity: a comparable value
// that depends on the resource, the scope, the metric and the attributes, not on
// the order in which they were written, and that costs no allocation to compute.
//
// It is the one engine package that knows pdata, because every component that
// keeps state for a series must agree on what a series is. The definition is that
// of the OpenTelemetry metrics data model ("Timeseries Model").
package series

import (
	"math"
	"math/bits"

	"github.com/cespare/xxhash/v2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// ID identifies a resource, a scope, a metric or a series, depending on how far
// it was narrowed. IDs are equal for equal inputs within one build of the
// program; they are 128-bit hashes, so two inputs that differ share an ID with a
// probability that is negligible against memory errors. The zero ID belongs to
// nothing.
//
// An ID is not meant to be stored: the hash may change between versions.
type ID struct{ hi, lo uint64 }

// Shard maps the ID evenly onto 0..n-1. It panics when n is 0.
func (id ID) Shard(n int) int { return int(id.lo % uint64(n)) }

// OfResource returns the identity of a resource.
func OfResource(r pcommon.Resource) ID {
	return ID{}.with(kindResource, hashAttributes(r.Attributes()))
}

// Scope narrows a resource's identity to one of its scopes.
func (id ID) Scope(s pcommon.InstrumentationScope) ID {
	h := hashAttributes(s.Attributes())
	h.addPair(hashString(s.Name()), hashString(s.Version()))
	return id.with(kindScope, h)
}

// Metric narrows a scope's identity to one of its metrics. Name, unit, type,
// temporality and monotonicity identify a metric; its description does not.
func (id ID) Metric(m pmetric.Metric) ID {
	var shape uint64
	switch m.Type() {
	case pmetric.MetricTypeSum:
		shape = uint64(m.Sum().AggregationTemporality()) << 8
		if m.Sum().IsMonotonic() {
			shape |= 1 << 16
		}
	case pmetric.MetricTypeHistogram:
		shape = uint64(m.Histogram().AggregationTemporality()) << 8
	case pmetric.MetricTypeExponentialHistogram:
		shape = uint64(m.ExponentialHistogram().AggregationTemporality()) << 8
	}
	var h sum
	h.addPair(hashString(m.Name()), hashString(m.Unit()))
	h.addPair(shape|uint64(m.Type()), kindMetric)
	return id.with(kindMetric, h)
}

// Point narrows a metric's identity to the series of one set of attributes.
func (id ID) Point(attributes pcommon.Map) ID {
	return id.with(kindPoint, hashAttributes(attributes))
}

// Named narrows an identity by a string, for state that has several parts a
// series (the quantiles of a histogram, say).
func (id ID) Named(part string) ID {
	var h sum
	h.addPair(hashString(part), kindPart)
	return id.with(kindPart, h)
}

// The kinds keep a scope without attributes apart from a series without any.
const (
	kindResource uint64 = iota + 1
	kindScope
	kindMetric
	kindPoint
	kindPart
)

func (id ID) with(kind uint64, h sum) ID {
	return ID{
		hi: mix(bits.RotateLeft64(id.hi, 23)^h.hi, kind),
		lo: mix(bits.RotateLeft64(id.lo, 41)^h.lo, kind),
	}
}

// A sum adds up the hashes of key-value pairs: addition is what makes the
// identity independent of their order. Its halves mix the pairs with different
// constants, so that sets that collide in one do not in the other.
type sum struct{ hi, lo uint64 }

func (s *sum) addPair(key, value uint64) {
	s.hi += mix(key^0x9e3779b97f4a7c15, value^0xbf58476d1ce4e5b9)
	s.lo += mix(key^0x94d049bb133111eb, value^0x2545f4914f6cdd1d)
}

func hashAttributes(m pcommon.Map) sum {
	var s sum
	for k, v := range m.All() {
		s.addPair(hashString(k), hashValue(v))
	}
	return s
}

func hashValue(v pcommon.Value) uint64 {
	t := uint64(v.Type())
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return mix(hashString(v.Str()), t)
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return mix(1, t)
		}
		return mix(2, t)
	case pcommon.ValueTypeInt:
		return mix(uint64(v.Int()), t)
	case pcommon.ValueTypeDouble:
		return mix(math.Float64bits(v.Double()), t)
	case pcommon.ValueTypeMap:
		s := hashAttributes(v.Map())
		return mix(s.hi^s.lo, t)
	case pcommon.ValueTypeSlice:
		h := t
		for _, e := range v.Slice().All() {
			h = mix(h, hashValue(e))
		}
		return h
	case pcommon.ValueTypeBytes:
		h := t
		for _, b := range v.Bytes().All() {
			h = mix(h, uint64(b)+1)
		}
		return h
	default:
		return t
	}
}

func hashString(s string) uint64 { return xxhash.Sum64String(s) }

// mix folds the 128-bit product of its arguments, each offset so that a zero
// does not wipe out the other (the multiply-fold step of wyhash).
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0xa0761d6478bd642f, b^0xe7037ed1a0b428db)
	return hi ^ lo
}
