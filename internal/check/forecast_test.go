package check

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// began is a time at which no test's hour ends.
var began = time.Unix(1_800_000_000, 0)

// watching is what a forecaster is told of one run.
type watching struct {
	f   forecaster
	now time.Time
}

func newWatching(interval time.Duration, limits ...Limit) *watching {
	c := named("db", nil)
	c.Interval, c.Limits = interval, limits
	return &watching{f: newForecaster(c), now: began}
}

func (w *watching) run(failed bool) Forecast {
	v := verdict{state: Healthy}
	if failed {
		v.state = Unhealthy
	}
	return w.take(v)
}

func (w *watching) take(v verdict) Forecast {
	w.now = w.now.Add(w.f.interval)
	w.f.observe(v, w.now)
	return w.f.forecast(w.now)
}

func observed(runs ...bool) Forecast {
	w := newWatching(10 * time.Second)
	out := w.f.forecast(w.now)
	for _, failed := range runs {
		out = w.run(failed)
	}
	out.Score = Score{}
	return out
}

func TestNothingIsForecastBeforeTheFirstRun(t *testing.T) {
	require.Equal(t, Forecast{}, observed())
}

func TestWithoutTransitionsThePriorSpeaks(t *testing.T) {
	require.Equal(t, Forecast{Known: true, FailureProbability: 0.25, TimeToFailure: 40 * time.Second}, observed(false))
	f := observed(true)
	require.InDelta(t, 0.75, f.FailureProbability, 1e-12)
	require.Zero(t, f.TimeToFailure)
}

func TestAnUnknownRunLeavesTheForecastAsItWas(t *testing.T) {
	w := newWatching(time.Second)
	w.run(false)
	want := w.run(false)
	require.Equal(t, want, w.take(verdict{state: Unknown}))
}

func TestTheChainOfAKnownSequence(t *testing.T) {
	// From working: three times working, of which one is taken to have been, and once
	// failing; each weighs 2^(-1/1000) less for every later run from there.
	weight := math.Exp2(-1.0 / forgetAfter)
	working, failing := weight*weight*weight+weight*weight+weight, 1.0
	w := newWatching(10 * time.Second)
	for _, failed := range []bool{false, false, false, true, false} {
		w.run(failed)
	}
	require.InDelta(t, (failing+0.5)/(working+failing+1), w.f.next[byChain], 1e-12)
	require.InDelta(t, 10/w.f.mixed, w.f.forecast(w.now).TimeToFailure.Seconds(), 1e-6)
}

func TestAFailingTargetFailsNow(t *testing.T) {
	f := observed(false, true, true, true)
	require.Zero(t, f.TimeToFailure)
	require.Greater(t, f.FailureProbability, 0.8)
}

func TestTheForecastIsNoSurerThanItsMemory(t *testing.T) {
	w := newWatching(15 * time.Second)
	var got Forecast
	for range 100_000 {
		got = w.run(false)
	}
	require.InDelta(t, 1.0/2887, w.f.next[byChain], 1e-6)
	require.Less(t, got.FailureProbability, 1.0/2887)
	require.Positive(t, got.FailureProbability)
}

func TestTheForecastFindsTheRatesOfAChain(t *testing.T) {
	const fails, recovers = 0.1, 0.4
	r := rand.New(rand.NewPCG(1, 2))
	w := newWatching(time.Second)
	failing := false
	var up, down float64
	for range 100_000 {
		if failing {
			failing = r.Float64() >= recovers
		} else {
			failing = r.Float64() < fails
		}
		if p := w.run(failing).FailureProbability; failing {
			down = p
		} else {
			up = p
		}
	}
	require.InDelta(t, fails, up, 0.04)
	require.InDelta(t, 1-recovers, down, 0.08)
}

func TestRisingDurationsForetellTheTimeout(t *testing.T) {
	w := newWatching(15 * time.Second) // a timeout of 2s
	var f Forecast
	for i := range 120 {
		f = w.take(verdict{state: Healthy, duration: time.Duration(500+10*i) * time.Millisecond})
	}
	// 1690 ms now, and 31 runs at 10 ms each to go.
	require.InDelta(t, (31 * 15 * time.Second).Seconds(), f.TimeToFailure.Seconds(), 20)
	require.True(t, w.f.climbing())
	for i := range 30 {
		f = w.take(verdict{state: Healthy, duration: time.Duration(1700+10*i) * time.Millisecond})
	}
	require.Greater(t, w.f.next[byTrend], 0.3, "the timeout is one run away")
	require.Greater(t, f.FailureProbability, w.f.next[byChain])
}

func TestARisingResourceForetellsItsLimit(t *testing.T) {
	w := newWatching(time.Minute, Limit{Measurement: "disk", Value: 90})
	var f Forecast
	for i := range 120 {
		f = w.take(verdict{state: Healthy, measurements: []Measurement{
			{Name: "disk", Value: 20 + float64(i)*0.5, Attributes: map[string]string{"mount": "a"}},
			{Name: "disk", Value: 3, Attributes: map[string]string{"mount": "b"}},
			{Name: "memory", Value: 99},
		}})
	}
	// 79.5 now; 21 minutes at 0.5 a minute.
	require.InDelta(t, 21*60, f.TimeToFailure.Seconds(), 60)
}

func TestNoiseIsNoTrend(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	w := newWatching(15 * time.Second)
	for range 5000 {
		w.take(verdict{state: Healthy, duration: time.Duration(1000+500*r.NormFloat64()) * time.Millisecond})
		require.False(t, w.f.climbing())
	}
}

func TestAFallingOrWildTrendSaysNothing(t *testing.T) {
	tr := newTrend()
	for i := range 200 {
		tr.add(began.Add(time.Duration(i)*time.Second), 1-float64(i)/200)
	}
	require.Equal(t, line{}, tr.line)
	tr.add(began, math.NaN())
	tr.add(began, math.Inf(1))
	require.Zero(t, tr.n)
}

func FuzzForecastStaysInBounds(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0})
	f.Add([]byte{0, 4, 8, 12, 16, 20, 24, 28, 255, 1})
	f.Fuzz(func(t *testing.T, runs []byte) {
		w := newWatching(time.Minute, Limit{Measurement: "disk", Value: 10})
		for _, b := range runs {
			v := verdict{state: State(b & 3), duration: time.Duration(b) * 10 * time.Millisecond, measurements: []Measurement{{Name: "disk", Value: float64(b)}}}
			got := w.take(v)
			if !got.Known {
				continue
			}
			require.True(t, got.FailureProbability > 0 && got.FailureProbability < 1, got.FailureProbability)
			require.GreaterOrEqual(t, got.TimeToFailure, time.Duration(0))
		}
	})
}

func BenchmarkForecast(b *testing.B) {
	w := newWatching(15*time.Second, Limit{Measurement: "disk", Value: 90})
	v := verdict{state: Healthy, duration: time.Millisecond, measurements: []Measurement{{Name: "disk", Value: 20}}}
	b.ReportAllocs()
	for b.Loop() {
		w.take(v)
	}
}
