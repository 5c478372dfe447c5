package tally

import (
	"iter"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
)

// Counter adds up values by labels.
type Counter struct {
	points   *boundedmap.Map[Labels, *count]
	overflow *count
}

type count struct {
	start    time.Time
	value    float64
	exemplar *Exemplar
}

// NewCounter makes an empty counter.
func NewCounter(l Limits) *Counter {
	return &Counter{points: boundedmap.New[Labels, *count](l.Points, l.TTL)}
}

// Add adds v, which must not be negative, to the point of these labels. The
// exemplar may be nil; it is copied.
func (c *Counter) Add(now time.Time, labels Labels, v float64, e *Exemplar) {
	p, ok := c.points.GetOrCreate(now, labels.fit(), func() *count { return &count{start: now} })
	if !ok {
		if c.overflow == nil {
			c.overflow = &count{start: now}
		}
		p = c.overflow
	}
	p.value += v
	if e.Valid() {
		copied := *e
		p.exemplar = &copied
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
		c.points.Expire(now)
		for labels, p := range c.points.All() {
			e := p.exemplar
			p.exemplar = nil
			if !yield(CounterPoint{Labels: labels, Start: p.start, Value: p.value, Exemplar: e}) {
				return
			}
		}
		if p := c.overflow; p != nil {
			e := p.exemplar
			p.exemplar = nil
			yield(CounterPoint{Overflow: true, Start: p.start, Value: p.value, Exemplar: e})
		}
	}
}

// Len is the number of points, the overflow point left out.
func (c *Counter) Len() int { return c.points.Len() }

// Refused is how many additions went to the overflow point.
func (c *Counter) Refused() uint64 { return c.points.Refused() }
