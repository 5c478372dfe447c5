package check

import (
	"time"
)

// Forecast says how the next run of a check may end. Five opinions on it are
// mixed:
//
//   - base: the share of runs that have failed.
//   - chain: how runs of this check have followed each other. It takes the next
//     one to depend on the present one only (a Markov chain of order one). The
//     probability that a run fails is the mean of the posterior distribution under
//     the prior of Jeffreys, Beta(1/2, 1/2): p = (f + 1/2) / (f + w + 1), where f
//     and w count the runs after one like the last that failed and that worked,
//     each weighted by 2^(-age/1000), with the age in later such runs. See
//     H. Jeffreys, "An invariant form for the prior probability in estimation
//     problems", Proc. R. Soc. A 186 (1946). The run before the first one is taken
//     to have ended like it.
//   - hour, day: the same, counted apart for each twelfth of the hour and each
//     hour of the day, with the chain's opinion as prior.
//   - trend: 1 - (1-p)(1-q), where p is the chain's opinion and q the greatest
//     probability with which a line through the durations of runs is above the
//     timeout at the next run, or one through a resource above its limit.
//
// The weight of an opinion is the probability that it gave to what happened,
// multiplied over the runs so far, and a thousandth of all weight is shared out
// evenly after every run, so that none is ever lost (fixed share; see M. Herbster
// and M. K. Warmuth, "Tracking the best expert", Machine Learning 32 (1998)). An
// opinion that misleads for this target therefore soon counts for nothing.
//
// Degraded counts as working, and so does a run slower than a threshold. Runs that
// ended Unknown are left out.
//
// Its limits: it knows no cause, and nothing of other checks. With little evidence
// it is mostly the prior: 1/4 after one good run, and 1/22 after ten. It cannot
// see farther than it remembers: without a trend, a time to failure is never much
// more than 2900 intervals.
type Forecast struct {
	// Known is false until one run has shown that the target works or fails. The
	// other fields are zero then.
	Known bool
	// FailureProbability is the probability that the next run fails, above 0 and
	// below 1.
	FailureProbability float64
	// TimeToFailure is the expected time from the last run to the next one that
	// fails: interval/p, the mean of a geometric distribution, or the time at which
	// a rising line meets its limit if that is sooner. It is zero while the target
	// is failing.
	TimeToFailure time.Duration
	// Score tells how good the forecasts have been.
	Score Score
}

// Limit is where a measurement becomes a failure.
type Limit struct {
	// Measurement is its name, and Attributes are some that it must have. Of several
	// such measurements of one run the highest counts.
	Measurement string
	Attributes  map[string]string
	// Value is above zero.
	Value float64
}

func (l Limit) is(m Measurement) bool {
	for key, value := range l.Attributes {
		if m.Attributes[key] != value {
			return false
		}
	}
	return l.Measurement == m.Name
}

const (
	byBase = iota
	byChain
	byHour
	byDay
	byTrend
	opinions
)

// share of all weight that is shared out evenly after every run.
const fixedShare = 1e-3

// forecaster has no clock and no lock.
type forecaster struct {
	interval, timeout time.Duration
	limits            []Limit

	known, failing bool
	all            tally
	chain          chain
	hour, day      season
	durations      trend
	resources      []trend // one for each limit
	weights        [opinions]float64

	// next holds what was said of the next run.
	next  [opinions]float64
	mixed float64
	score scoring
}

func newForecaster(c Check) forecaster {
	f := forecaster{
		interval: c.Interval, timeout: c.Timeout, limits: c.Limits,
		hour: newSeason(time.Hour, 12), day: newSeason(24*time.Hour, 24),
		durations: newTrend(), resources: make([]trend, len(c.Limits)),
	}
	for i := range f.resources {
		f.resources[i] = newTrend()
	}
	for i := range f.weights {
		f.weights[i] = 1.0 / opinions
	}
	return f
}

// observe takes a run that ended at now.
func (f *forecaster) observe(v verdict, now time.Time) {
	f.measure(v, now)
	if v.state == Unknown {
		return
	}
	failed := v.state == Unhealthy
	if f.known {
		f.learn(now, failed)
	}
	if !f.known {
		f.chain.observe(failed, failed)
	}
	f.all.add(failed)
	f.known, f.failing = true, failed
	f.predict(now)
}

// measure extends the trends. The duration of a run that failed is left out: it
// says how long we wait, and not how slow the target is.
func (f *forecaster) measure(v verdict, now time.Time) {
	if v.state == Healthy || v.state == Degraded {
		f.durations.add(now, v.duration.Seconds()/f.timeout.Seconds())
	}
	for i, limit := range f.limits {
		highest, found := 0.0, false
		for _, m := range v.measurements {
			if limit.is(m) && (!found || m.Value > highest) {
				highest, found = m.Value, true
			}
		}
		if found {
			f.resources[i].add(now, highest/limit.Value)
		}
	}
}

// learn compares what was said with what came.
func (f *forecaster) learn(now time.Time, failed bool) {
	f.score.add(f.mixed, f.next[byBase], failed)
	total := 0.0
	for i, p := range f.next {
		if !failed {
			p = 1 - p
		}
		f.weights[i] *= p
		total += f.weights[i]
	}
	for i := range f.weights {
		f.weights[i] = (1-fixedShare)*f.weights[i]/total + fixedShare/opinions
	}
	f.chain.observe(f.failing, failed)
	f.hour.observe(now, f.failing, failed)
	f.day.observe(now, f.failing, failed)
}

func (f *forecaster) predict(now time.Time) {
	then := now.Add(f.interval)
	p := f.chain.probability(f.failing)
	f.next[byBase] = f.all.mean(0.5, 1)
	f.next[byChain] = p
	f.next[byHour] = f.hour.probability(then, f.failing, p)
	f.next[byDay] = f.day.probability(then, f.failing, p)
	crossing := 0.0
	for line := range f.lines {
		crossing = max(crossing, line.crossing(then))
	}
	// No opinion is ever certain, or one surprise would silence it for good.
	f.next[byTrend] = min(1-(1-p)*(1-crossing), 0.999)
	f.mixed = 0
	for i, p := range f.next {
		f.mixed += f.weights[i] * p
	}
}

// lines calls yield with the line of each trend.
func (f *forecaster) lines(yield func(line) bool) {
	if !yield(f.durations.line) {
		return
	}
	for i := range f.resources {
		if !yield(f.resources[i].line) {
			return
		}
	}
}

// climbing reports whether a rising line meets its limit before it is too old to
// be believed.
func (f *forecaster) climbing() bool {
	for line := range f.lines {
		if line.rising && line.value+line.slope*(line.until-line.at) >= 1 {
			return true
		}
	}
	return false
}

func (f *forecaster) forecast(last time.Time) Forecast {
	if !f.known {
		return Forecast{}
	}
	out := Forecast{Known: true, FailureProbability: f.mixed, Score: f.score.score()}
	if f.failing {
		return out
	}
	out.TimeToFailure = time.Duration(float64(f.interval) / f.mixed)
	for line := range f.lines {
		if in, ok := line.reaches(last); ok {
			out.TimeToFailure = min(out.TimeToFailure, in)
		}
	}
	return out
}
