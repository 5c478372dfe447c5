package anomaly

import "github.com/watchkeeper/watchkeeper/internal/detect"

const (
	// leaveShare is the share of the threshold below which the score must stay for
	// leavePoints points before a series is no longer anomalous.
	leaveShare  = 0.5
	leavePoints = 5
	// criticalShare is how far between the threshold and 1 a detection is critical.
	criticalShare = 0.25
)

// rules are what the configuration says of scores.
type rules struct {
	warmUp   int
	levels   detect.Levels
	critical float64
}

func newRules(cfg *Config) rules {
	return rules{
		warmUp: cfg.WarmUp,
		levels: detect.Levels{
			Enter: cfg.Threshold, EnterPoints: 1,
			Leave: cfg.Threshold * leaveShare, LeavePoints: leavePoints,
		},
		critical: cfg.Threshold + criticalShare*(1-cfg.Threshold),
	}
}

// tracked is the state of one series.
type tracked struct {
	detector detect.Detector
	counter  detect.Counter
	latch    detect.Latch
}

// verdict is what is derived from one point.
type verdict struct {
	score     float64
	anomalous bool
	entered   bool // the point made the series anomalous
}

// observe scores a point. A point from which nothing can be told, such as the
// first of a counter or a histogram to which nothing was added, has the score 0
// and leaves the state as it is.
func (t *tracked) observe(k kind, pt point, levels detect.Levels) (verdict, detect.Outcome) {
	value := pt.value
	if k != theValue {
		take := t.counter.Cumulative
		if k == theDeltaRate || k == theDeltaMean {
			take = t.counter.Delta
		}
		change, outcome := take(detect.Point{
			Start: pt.start.AsTime(), Time: pt.time.AsTime(), Sum: pt.value, Count: pt.count,
		})
		mean := k == theMean || k == theDeltaMean
		switch {
		case outcome != detect.Accepted, mean && change.Count == 0:
			return verdict{anomalous: t.latch.Active()}, outcome
		case mean:
			value = change.Mean()
		default:
			value = change.Rate()
		}
	}
	s := t.detector.Observe(pt.time.AsTime(), value)
	v := verdict{score: s.Value}
	if s.Warm && s.Outcome == detect.Accepted {
		v.entered = t.latch.Observe(levels, s.Value)
	}
	v.anomalous = t.latch.Active()
	return v, s.Outcome
}
