package tally

import (
	"iter"
	"time"
)

// Counter adds up values by labels.
type Counter struct {
	points   *table[count]
	overflow *count
}

type count struct {
	start    int64
	value    float64
	exemplar *Exemplar
}

// NewCounter makes an empty counter.
func NewCounter(l Limits) *Counter { return &Counter{points: newTable[count](l)} }

// Add adds v, which must not be negative, to the point of these labels. The
// exemplar may be nil; it is copied.
func (c *Counter) Add(now time.Time, labels Labels, v float64, e *Exemplar) {
	nanos := now.UnixNano()
	var p *count
	if n, fresh, ok := c.points.get(nanos, &labels); ok {
		p = &c.points.at(n).point
		if fresh {
			p.start = nanos
		}
	} else {
		if c.overflow == nil {
			c.overflow = &count{start: nanos}
		}
		p = c.overflow
	}
	p.value += v
	if e.Valid() {
		if p.exemplar == nil {
			p.exemplar = new(Exemplar)
		}
		*p.exemplar = *e
	}
}

// CounterPoint is the sum for one set of labels.
type CounterPoint struct {
	Labels   Labels // empty for the overflow point
	Overflow bool
	Start    time.Time // of the first addition
	Value    float64
	Exemplar *Exemplar // the latest since the last collection, or nil
}

// Collect yields every point. Points that are too old end first; an exemplar is
// told once. The order is by the last addition, oldest first, the overflow last.
func (c *Counter) Collect(now time.Time) iter.Seq[CounterPoint] {
	return func(yield func(CounterPoint) bool) {
		c.points.expire(now.UnixNano())
		for _, s := range c.points.all() {
			if !yield(s.point.collect(s.labels, false)) {
				return
			}
		}
		if c.overflow != nil {
			yield(c.overflow.collect(Labels{}, true))
		}
	}
}

func (p *count) collect(labels Labels, overflow bool) CounterPoint {
	e := p.exemplar
	p.exemplar = nil
	return CounterPoint{Labels: labels, Overflow: overflow, Start: moment(p.start), Value: p.value, Exemplar: e}
}

// Len is the number of points, the overflow point left out.
func (c *Counter) Len() int { return c.points.len() }

// Refused is how many additions went to the overflow point.
func (c *Counter) Refused() uint64 { return c.points.refused }
