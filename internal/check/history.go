package check

import (
	"cmp"
	"slices"
	"time"
)

// history is what the verdicts on one check add up to. It has no clock and no
// lock.
type history struct {
	last        verdict
	previous    State
	lastRun     time.Time
	measured    []Measurement
	measuredAt  time.Time
	runs        map[outcome]uint64
	failures    uint64
	lastSuccess time.Time
	forecaster  forecaster
}

// outcome is bounded: both lists are closed, and judge keeps to them.
type outcome struct {
	result    State
	errorType ErrorType
}

func newHistory(interval time.Duration) history {
	return history{
		runs:       map[outcome]uint64{{result: Healthy}: 0},
		forecaster: newForecaster(interval),
	}
}

// add takes the verdict of a run that ended at now, and reports whether it is
// news: the first, or different from the one before.
func (h *history) add(v verdict, now time.Time) bool {
	news := h.lastRun.IsZero() || v.state != h.last.state
	if news {
		h.previous = h.last.state
	}
	h.last, h.lastRun = v, now
	if len(v.measurements) > 0 {
		h.measured, h.measuredAt = v.measurements, now
	}
	h.runs[outcome{v.state, v.errorType}]++
	switch v.state {
	case Healthy, Degraded:
		h.failures, h.lastSuccess = 0, now
		h.forecaster.observe(false)
	case Unhealthy:
		h.failures++
		h.forecaster.observe(true)
	default:
		h.failures++
	}
	return news
}

func (h *history) snapshot() Snapshot {
	s := Snapshot{
		State: h.last.state, Previous: h.previous, Reason: h.last.reason, ErrorType: h.last.errorType,
		LastRun: h.lastRun, Duration: h.last.duration, Steps: h.last.steps,
		Measurements: h.measured, MeasuredAt: h.measuredAt,
		Runs:                make([]RunCount, 0, len(h.runs)),
		ConsecutiveFailures: h.failures, LastSuccess: h.lastSuccess,
		Forecast: h.forecaster.forecast(),
	}
	for o, n := range h.runs {
		s.Runs = append(s.Runs, RunCount{Result: o.result, ErrorType: o.errorType, Count: n})
	}
	slices.SortFunc(s.Runs, func(a, b RunCount) int {
		return cmp.Or(cmp.Compare(a.Result, b.Result), cmp.Compare(a.ErrorType, b.ErrorType))
	})
	return s
}
