package check

import (
	"math"
	"time"
)

// forgetAfter is the half-life of what was observed, in runs: about four hours of
// runs every 15 seconds.
const forgetAfter = 1000

// tally counts runs by how they ended, the older ones weighted less.
type tally struct{ Worked, Failed float64 }

func (t *tally) add(failed bool) {
	t.Worked *= forget
	t.Failed *= forget
	if failed {
		t.Failed++
	} else {
		t.Worked++
	}
}

var forget = math.Exp2(-1.0 / forgetAfter)

// mean is that of the posterior distribution of the probability to fail, under a
// prior Beta distribution that is worth weight runs and has the mean prior.
func (t tally) mean(prior, weight float64) float64 {
	return (t.Failed + prior*weight) / (t.Failed + t.Worked + weight)
}

// chain counts which run followed which, for each of the two states, so that a
// long time of health does not wash out how outages went.
type chain struct{ After [2]tally }

func (c *chain) observe(failing, failed bool) { c.After[index(failing)].add(failed) }

func (c *chain) probability(failing bool) float64 { return c.After[index(failing)].mean(0.5, 1) }

// season counts like a chain, apart for each part of a period.
type season struct {
	period time.Duration
	Parts  [][2]tally
}

// seasonPrior is what the chain's opinion is worth to a season, in runs.
const seasonPrior = 4

func newSeason(period time.Duration, parts int) season {
	return season{period: period, Parts: make([][2]tally, parts)}
}

func (s *season) part(at time.Time) *[2]tally {
	into := at.UnixMilli() % s.period.Milliseconds()
	return &s.Parts[int(into*int64(len(s.Parts))/s.period.Milliseconds())]
}

func (s *season) observe(at time.Time, failing, failed bool) {
	s.part(at)[index(failing)].add(failed)
}

func (s *season) probability(at time.Time, failing bool, chain float64) float64 {
	return s.part(at)[index(failing)].mean(chain, seasonPrior)
}

func index(failing bool) int {
	if failing {
		return 1
	}
	return 0
}
