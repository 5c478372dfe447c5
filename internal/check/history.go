package check

import (
	"cmp"
	"slices"
	"time"
)

// history is what the runs of one check add up to. It has no clock and no lock.
type history struct {
	last        verdict
	lastRun     time.Time
	measured    []Measurement
	measuredAt  time.Time
	runs        map[outcome]uint64
	failures    uint64
	lastSuccess time.Time

	runsKept ring[kept]
	// outages are the beginnings of the last outages, in seconds of Unix time.
	outages    ring[int64]
	failing    bool
	uptime     uptime
	forecaster forecaster
}

// outcome is bounded: both lists are closed, and judge keeps to them.
type outcome struct {
	result    State
	errorType ErrorType
}

func newHistory(c Check, size int) history {
	return history{
		runs:       map[outcome]uint64{{result: Healthy}: 0},
		runsKept:   newRing[kept](max(size, flapRuns)),
		outages:    newRing[int64](maxOutages),
		uptime:     newUptime(c.Interval),
		forecaster: newForecaster(c),
	}
}

// add takes the verdict of a run that ended at now.
func (h *history) add(v verdict, now time.Time) {
	h.last, h.lastRun = v, now
	if len(v.measurements) > 0 {
		h.measured, h.measuredAt = v.measurements, now
	}
	h.runs[outcome{v.state, v.errorType}]++
	h.runsKept.add(keep(v, now))
	h.uptime.add(v.state, now)
	switch v.state {
	case Healthy, Degraded:
		h.failures, h.lastSuccess, h.failing = 0, now, false
	case Unhealthy:
		h.failures++
		if !h.failing {
			h.outages.add(now.Unix())
		}
		h.failing = true
	default:
		h.failures++
	}
	h.forecaster.observe(v, now)
}

func (h *history) snapshot(now time.Time) Snapshot {
	s := Snapshot{
		LastRun: h.lastRun, Duration: h.last.duration, Steps: h.last.steps,
		Measurements: h.measured, MeasuredAt: h.measuredAt,
		Runs:                make([]RunCount, 0, len(h.runs)),
		ConsecutiveFailures: h.failures, LastSuccess: h.lastSuccess,
		Availability: h.uptime.over(now),
		Forecast:     h.forecaster.forecast(h.lastRun),
	}
	for o, n := range h.runs {
		s.Runs = append(s.Runs, RunCount{Result: o.result, ErrorType: o.errorType, Count: n})
	}
	slices.SortFunc(s.Runs, func(a, b RunCount) int {
		return cmp.Or(cmp.Compare(a.Result, b.Result), cmp.Compare(a.ErrorType, b.ErrorType))
	})
	return s
}
