package check

import (
	"math"
	"slices"
	"time"
)

const (
	// A trend has at most trendPoints points, each the mean of trendStride values.
	trendPoints, trendStride = 24, 5
	// minTrendPoints is how many it takes to see anything.
	minTrendPoints = 10
	// minRising is the share of pairs of points of which the later must be the
	// higher one: a Kendall's tau of 0.5.
	minRising = 0.75
	// maxAhead is how far ahead a trend is believed, in lengths of its own past.
	maxAhead = 3
)

// trend watches a number on its way to a limit, which is 1. It draws the line of
// Theil and Sen, whose slope is the median of the slopes between all pairs of
// points, through the last points: single wild values do not move it. See
// P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau",
// Journal of the American Statistical Association 63 (1968).
type trend struct {
	points ring[point]
	// sum, since and n belong to the next point.
	sum   point
	n     int
	line  line
	slope []float64 // scratch
}

// point is a value at a time in seconds.
type point struct{ t, y float64 }

// line is what a trend comes to; a zero one says nothing.
type line struct {
	rising    bool
	slope     float64 // per second
	at, value float64 // a point on it
	spread    float64 // standard deviation of values around it
	until     float64 // seconds of Unix time up to which it is believed
}

func newTrend() trend { return trend{points: newRing[point](trendPoints)} }

func (t *trend) add(at time.Time, ratio float64) {
	if math.IsNaN(ratio) || math.IsInf(ratio, 0) {
		return
	}
	t.sum.t += float64(at.UnixMilli()) / 1e3
	t.sum.y += ratio
	if t.n++; t.n < trendStride {
		return
	}
	t.points.add(point{t.sum.t / float64(t.n), t.sum.y / float64(t.n)})
	t.sum, t.n = point{}, 0
	t.draw()
}

func (t *trend) draw() {
	t.line = line{}
	n := t.points.len()
	if n < minTrendPoints {
		return
	}
	t.slope = t.slope[:0]
	rising := 0
	for i := range n {
		for j := range i {
			a, b := t.points.at(j), t.points.at(i)
			if b.t <= a.t {
				continue
			}
			t.slope = append(t.slope, (b.y-a.y)/(b.t-a.t))
			if b.y > a.y {
				rising++
			}
		}
	}
	if len(t.slope) == 0 || float64(rising) < minRising*float64(len(t.slope)) {
		return
	}
	slope := median(t.slope)
	if slope <= 0 {
		return
	}
	// The line goes through the median of what the slope leaves of the values.
	first, last := t.points.at(0), t.points.at(n-1)
	t.slope = t.slope[:0]
	for i := range n {
		p := t.points.at(i)
		t.slope = append(t.slope, p.y-slope*(p.t-last.t))
	}
	level := median(t.slope)
	for i := range t.slope {
		t.slope[i] = math.Abs(t.slope[i] - level)
	}
	t.line = line{
		rising: true, slope: slope, at: last.t, value: level,
		// 1.4826 makes a standard deviation of a median absolute one, and a mean of
		// n values spreads less than they do by the root of n.
		spread: 1.4826 * median(t.slope) * math.Sqrt(trendStride),
		until:  last.t + maxAhead*(last.t-first.t),
	}
}

// crossing is the probability that the value is above its limit at the given time.
func (l line) crossing(at time.Time) float64 {
	t := float64(at.UnixMilli()) / 1e3
	if !l.rising || t > l.until {
		return 0
	}
	gap := 1 - (l.value + l.slope*(t-l.at))
	spread := max(l.spread, 1e-3)
	return 0.5 * math.Erfc(gap/spread/math.Sqrt2)
}

// reaches is the time from now at which the line meets the limit, if it is
// believed for so long.
func (l line) reaches(now time.Time) (time.Duration, bool) {
	t := l.at + (1-l.value)/l.slope
	if !l.rising || t > l.until {
		return 0, false
	}
	return max(0, time.Duration((t-float64(now.UnixMilli())/1e3)*float64(time.Second))), true
}

// median reorders the values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
