package detect

import (
	"math"
	"time"
)

const (
	// lag is the number of points over which the difference is taken.
	lag = 3
	// secondWeight is what the less surprising of value and difference adds to
	// the more surprising one.
	secondWeight = 0.2
	// bar is what ten times the history takes off the surprise: the longer it is,
	// the rarer the values that are bound to come by chance.
	bar = 0.5
	// level is the history at which the bar takes nothing off.
	level = 1000
	// half is the surprise that maps to a score of 0.5.
	half = 3
	// largest bounds the values learned, so that differences and ranges stay
	// finite.
	largest = 1e300
)

// Settings of a Detector.
type Settings struct {
	// WarmUp is how many points are learned before the first is scored.
	WarmUp int
	// Floor is the width of a range of values, in the unit of the series, that is
	// narrow however steady the series was: moves of half of it are no great news.
	// Zero is right for units of which nothing is known.
	Floor float64
}

// Score is what a Detector says of one point.
type Score struct {
	// Value is how unusual the point is, from 0 for as usual as can be to just
	// below 1. It is 0 while the detector warms up.
	Value float64
	// Warm tells whether the detector has seen enough to judge.
	Warm bool
	// Outcome says what became of the point. Unless it is Accepted, Value is 0
	// and the point left no trace in the detector.
	Outcome Outcome
}

// Detector scores the points of one series in the order of their time. It looks
// at no clock and at nothing that is yet to come, so the same points get the same
// scores wherever and whenever they are replayed.
//
// A Detector is a plain value of a fixed size (below 256 bytes) that must not be
// copied in use, and is not safe for concurrent use.
type Detector struct {
	value, difference histogram
	recent            [lag]float64
	last              int64
	floor             float64
	seen, warmUp      uint64
}

// New returns a detector that has seen nothing.
func New(s Settings) Detector {
	return Detector{floor: s.Floor, warmUp: uint64(max(s.WarmUp, 0))}
}

// Observe scores value, at t, by what came before it, and then learns it. Only
// the order of the times matters, and they must be in the years 1678 to 2262.
func (d *Detector) Observe(t time.Time, value float64) Score {
	warm := d.seen > 0 && d.seen >= d.warmUp
	at := t.UnixNano()
	if o := order(d.seen > 0, d.last, at); o != Accepted {
		return Score{Warm: warm, Outcome: o}
	}
	if !finite(value) {
		return Score{Warm: warm, Outcome: NotFinite}
	}
	value = min(max(value, -largest), largest)
	oldest := &d.recent[d.seen%lag]
	difference := value - *oldest
	var score float64
	if warm {
		score = d.score(value, difference)
	}
	rounding := math.Abs(value) * relativeFloor
	d.value.learn(value, d.floor, rounding, warm)
	if d.seen >= lag {
		d.difference.learn(difference, d.floor, rounding, warm)
	}
	*oldest = value
	d.last = at
	d.seen++
	return Score{Value: score, Warm: warm, Outcome: Accepted}
}

// score combines what is rare about a value and about its difference and maps it
// to 0..1.
func (d *Detector) score(value, difference float64) float64 {
	a, b := d.value.surprise(value), d.difference.surprise(difference)
	s := max(a, b) + secondWeight*min(a, b)
	// A short history lowers the bar, but it does not make news of what is usual.
	s -= max(bar*math.Log10(float64(d.value.total)/level), -s)
	s = max(s, 0)
	return s / (s + half)
}
