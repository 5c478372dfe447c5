package tally

import (
	"iter"
	"time"
)

// Gauge says how much there is now, by labels. What there is none of any more is
// told as 0, so that a reader who keeps the last value is not misled, until it is
// forgotten with its time to live.
type Gauge struct {
	points   *table[float64]
	overflow *float64
}

// NewGauge makes a gauge of which nothing is known.
func NewGauge(l Limits) *Gauge { return &Gauge{points: newTable[float64](l)} }

// Add adds v to the point of these labels, which is 0 after each collection.
func (g *Gauge) Add(now time.Time, labels Labels, v float64) {
	if n, _, ok := g.points.get(now.UnixNano(), &labels); ok {
		g.points.at(n).point += v
		return
	}
	if g.overflow == nil {
		g.overflow = new(float64)
	}
	*g.overflow += v
}

// GaugePoint is the value for one set of labels.
type GaugePoint struct {
	Labels   Labels // empty for the overflow point
	Overflow bool
	Value    float64
}

// Collect yields every point, in the order of the last addition, and sets all to
// 0. Points that are too old end first.
func (g *Gauge) Collect(now time.Time) iter.Seq[GaugePoint] {
	return func(yield func(GaugePoint) bool) {
		g.points.expire(now.UnixNano())
		for _, s := range g.points.all() {
			v := s.point
			s.point = 0
			if !yield(GaugePoint{Labels: s.labels, Value: v}) {
				return
			}
		}
		if g.overflow != nil {
			v := *g.overflow
			*g.overflow = 0
			yield(GaugePoint{Overflow: true, Value: v})
		}
	}
}

// Refused is how many additions went to the overflow point.
func (g *Gauge) Refused() uint64 { return g.points.refused }
