package check

import (
	"math"
	"time"
)

// forgetAfter is the half-life of what was observed, in runs from the same
// state: about four hours of runs every 15 seconds.
const forgetAfter = 1000

// Forecast says how the next runs of a check may end, judged by how runs of this
// check have followed each other so far.
//
// It knows two states, the target works or it fails, and takes the next one to
// depend on the present one only (a Markov chain of order one). The probability
// that a run fails, given the present state s, is the mean of the posterior
// distribution under the prior of Jeffreys, Beta(1/2, 1/2):
//
//	p = (f + 1/2) / (f + w + 1)
//
// where f and w count the runs from state s that were followed by a failing and
// by a working one, each weighted by 2^(-age/1000), with the age in later runs
// from the same state. See H. Jeffreys, "An invariant form for the prior
// probability in estimation problems", Proc. R. Soc. A 186 (1946). Degraded counts
// as working. Runs that ended Unknown are left out.
//
// Its limits: it sees no trend, no season and no cause, so it says how often this
// target has failed lately, not that it is about to. With little evidence it is
// mostly the prior: 1/2 at first, and 1/22 after ten good runs. It cannot see
// farther than it remembers: p never falls below about 1/2900, and a time to
// failure never exceeds about 2900 intervals.
type Forecast struct {
	// Known is false until one run has shown that the target works or fails. The
	// other fields are zero then.
	Known bool
	// FailureProbability is the probability that the next run fails, above 0 and
	// below 1.
	FailureProbability float64
	// TimeToFailure is the expected time from the last run to the next one that
	// fails, were p to stay as it is: interval/p, the mean of a geometric
	// distribution. It is zero while the target is failing.
	TimeToFailure time.Duration
}

// forecaster counts which run followed which. It keeps separate counts for each
// state, so that a long time of health does not wash out how outages went.
type forecaster struct {
	interval time.Duration
	known    bool
	failing  bool
	// followed[from][to] holds weighted counts; index 1 stands for failing.
	followed [2][2]float64
}

func newForecaster(interval time.Duration) forecaster { return forecaster{interval: interval} }

func (f *forecaster) observe(failed bool) {
	if f.known {
		row := &f.followed[index(f.failing)]
		for to := range row {
			row[to] *= math.Exp2(-1.0 / forgetAfter)
		}
		row[index(failed)]++
	}
	f.known, f.failing = true, failed
}

func (f *forecaster) forecast() Forecast {
	if !f.known {
		return Forecast{}
	}
	row := f.followed[index(f.failing)]
	out := Forecast{Known: true, FailureProbability: (row[1] + 0.5) / (row[0] + row[1] + 1)}
	if !f.failing {
		out.TimeToFailure = time.Duration(float64(f.interval) / out.FailureProbability)
	}
	return out
}

func index(failing bool) int {
	if failing {
		return 1
	}
	return 0
}
