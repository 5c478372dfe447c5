package detect

import "time"

// Point is one point of a stream that counts: a sum, or the sum and count of a
// histogram.
type Point struct {
	// Start is when the counting began. A time at or before the Unix epoch stands
	// for not known.
	Start time.Time
	Time  time.Time
	Sum   float64
	// Count is the number of observations, and 0 for a stream that has only a sum.
	Count uint64
}

// Change is what a counting stream added over some time.
type Change struct {
	Sum   float64
	Count uint64
	Over  time.Duration
}

// Rate is the change of the sum in a second.
func (c Change) Rate() float64 { return c.Sum / c.Over.Seconds() }

// Mean is the change of the sum per observation. Without an observation it is
// not a number.
func (c Change) Mean() float64 { return c.Sum / float64(c.Count) }

// Counter turns the points of one counting stream into changes. The zero value
// has seen nothing. A Counter is not safe for concurrent use.
//
// A change is only given if the Outcome is Accepted, and then it covers a time
// longer than zero. Points that are out of order, duplicates, or not finite leave
// no trace.
type Counter struct {
	sum   float64
	count uint64
	last  int64
	known bool
}

// Cumulative takes a point that counts from its start. The stream began anew if
// it fell, or if the start is later than the point before; what it counted in
// between is given up rather than guessed.
func (c *Counter) Cumulative(p Point) (Change, Outcome) {
	at := p.Time.UnixNano()
	if o := order(c.known, c.last, at); o != Accepted {
		return Change{}, o
	}
	if !finite(p.Sum) {
		return Change{}, NotFinite
	}
	before := *c
	*c = Counter{sum: p.Sum, count: p.Count, last: at, known: true}
	switch {
	case !before.known:
		return Change{}, First
	case before.fell(p) || started(p) && p.Start.UnixNano() > before.last:
		return Change{}, Reset
	}
	return Change{
		Sum:   p.Sum - before.sum,
		Count: p.Count - before.count,
		Over:  time.Duration(at - before.last),
	}, Accepted
}

// Delta takes a point that counts from the point before it. The change covers the
// time since the start; if that is not known, the time since the point before.
func (c *Counter) Delta(p Point) (Change, Outcome) {
	at := p.Time.UnixNano()
	if o := order(c.known, c.last, at); o != Accepted {
		return Change{}, o
	}
	if !finite(p.Sum) {
		return Change{}, NotFinite
	}
	since, known := c.last, c.known
	if started(p) && p.Start.Before(p.Time) {
		since, known = p.Start.UnixNano(), true
	}
	c.last, c.known = at, true
	if !known {
		return Change{}, First
	}
	return Change{Sum: p.Sum, Count: p.Count, Over: time.Duration(at - since)}, Accepted
}

// fell compares the counts if there are any, because the sum of a histogram of
// negative values falls without a reset.
func (c *Counter) fell(p Point) bool {
	if c.count > 0 {
		return p.Count < c.count
	}
	return p.Count == 0 && p.Sum < c.sum
}

func started(p Point) bool { return p.Start.Unix() > 0 }
