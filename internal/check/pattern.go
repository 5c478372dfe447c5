package check

import (
	"math"
	"time"
)

// Pattern names how the failures of a check follow each other.
type Pattern string

const (
	// NoPattern stands for none that is known.
	NoPattern Pattern = ""
	// Flapping: of the last 20 runs, at least 6 ended other than the one before,
	// one working and one not.
	Flapping Pattern = "flapping"
	// PeriodicHour: outages begin at the same time of the hour, or of the day.
	PeriodicHour Pattern = "periodic_hour"
	// SlowBurn: the duration of runs or a resource was climbing towards its limit,
	// or failures have been trickling: there were some in at least 6 of the last 24
	// hours, and they took less than a tenth of the time.
	SlowBurn Pattern = "slow_burn"
)

const (
	flapRuns, flapChanges = 20, 6
	trickleHours          = 6
	trickleShare          = 0.1
	// maxOutages bounds how many beginnings of outages are remembered.
	maxOutages = 64
	// minPeriods is how many outages it takes to see a period.
	minPeriods = 4
)

// pattern returns the first that fits, in the order in which the constants stand.
func (h *history) pattern(now time.Time) Pattern {
	switch {
	case flapping(&h.runsKept):
		return Flapping
	case periodic(h.outages.list(), time.Hour), periodic(h.outages.list(), 24*time.Hour):
		return PeriodicHour
	case h.forecaster.climbing() || trickling(h.uptime.account, now):
		return SlowBurn
	}
	return NoPattern
}

func flapping(runs *ring[kept]) bool {
	changes := 0
	for i := max(1, runs.len()-flapRuns+1); i < runs.len(); i++ {
		if (runs.at(i).State == Unhealthy) != (runs.at(i-1).State == Unhealthy) {
			changes++
		}
	}
	return changes >= flapChanges
}

// periodic reports whether outages that begin at these times, in seconds of Unix
// time, keep a period. Of those within half a period only the first counts. The
// phases of the others are points on a circle; were they even over it, the mean of
// n of them would be as far from its centre as R with the probability e^(-nR²)
// (the test of Rayleigh; see K. V. Mardia and P. E. Jupp, "Directional
// Statistics", 2000, section 6.3.1), which must be below 1 in 40. R must be at
// least 0.9 as well.
func periodic(begins []int64, period time.Duration) bool {
	var n, x, y float64
	last := int64(math.MinInt64 / 2)
	for _, at := range begins {
		if at-last < int64(period/time.Second)/2 {
			continue
		}
		last = at
		sin, cos := math.Sincos(2 * math.Pi * math.Mod(float64(at), period.Seconds()) / period.Seconds())
		n, x, y = n+1, x+cos, y+sin
	}
	if n < minPeriods {
		return false
	}
	r := math.Hypot(x, y) / n
	return r >= 0.9 && math.Exp(-n*r*r) < 1.0/40
}

func trickling(account []share, now time.Time) bool {
	var hours [24]bool
	var down, known float64
	for _, s := range account {
		age := now.UnixMilli() - s.Slice*slice.Milliseconds()
		if s.Known == 0 || age >= (24*time.Hour).Milliseconds() {
			continue
		}
		known += float64(s.Known)
		if s.Up < s.Known {
			down += float64(s.Known - s.Up)
			hours[max(0, age)/time.Hour.Milliseconds()] = true
		}
	}
	n := 0
	for _, failed := range hours {
		if failed {
			n++
		}
	}
	return n >= trickleHours && down < trickleShare*known
}
