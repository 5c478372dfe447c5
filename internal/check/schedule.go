package check

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// firstWithin is how soon every check runs for the first time, so that a fresh
// start has verdicts before anybody looks.
const firstWithin = time.Second

// schedule places the runs of one check in time, all relative to the start of
// the engine. The place depends on the name alone: checks of one interval are
// spread over it evenly, and a restart does not move them.
//
// The first run comes within the first second, or within the interval if that is
// shorter. From the second on, runs follow a fixed grid, so they do not drift;
// the step from the first run to the grid takes between a half and one and a
// half intervals.
type schedule struct {
	first    time.Duration
	grid     time.Duration // the time of the second run
	interval time.Duration
}

func newSchedule(name string, interval time.Duration) schedule {
	// The upper 53 bits make an even fraction in [0, 1).
	fraction := float64(xxhash.Sum64String(name)>>11) / (1 << 53)
	s := schedule{
		first:    time.Duration(fraction * float64(min(interval, firstWithin))),
		grid:     time.Duration(fraction * float64(interval)),
		interval: interval,
	}
	if s.grid-s.first < interval/2 {
		s.grid += interval
	}
	return s
}

// next returns the time of the run after one that was due at due, given that it
// is now at now, and how many runs were due in between and are skipped.
func (s schedule) next(due, now time.Duration) (at time.Duration, skipped uint64) {
	at = s.grid
	if due >= s.grid {
		at = due + s.interval
	}
	if now < at {
		return at, 0
	}
	missed := (now-at)/s.interval + 1
	return at + missed*s.interval, uint64(missed)
}
