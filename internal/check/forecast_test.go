package check

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func observed(runs ...bool) Forecast {
	f := newForecaster(10 * time.Second)
	for _, failed := range runs {
		f.observe(failed)
	}
	return f.forecast()
}

func TestNothingIsForecastBeforeTheFirstRun(t *testing.T) {
	require.Equal(t, Forecast{}, observed())
}

func TestWithoutTransitionsThePriorSpeaks(t *testing.T) {
	require.Equal(t, Forecast{Known: true, FailureProbability: 0.5, TimeToFailure: 20 * time.Second}, observed(false))
	require.Equal(t, Forecast{Known: true, FailureProbability: 0.5}, observed(true))
}

func TestForecastOfAKnownSequence(t *testing.T) {
	// From working: twice working, once failing; each weighs 2^(-1/1000) less for
	// every later run from there.
	w := math.Exp2(-1.0 / forgetAfter)
	working, failing := w*w+w, 1.0
	f := observed(false, false, false, true, false)
	require.InDelta(t, (failing+0.5)/(working+failing+1), f.FailureProbability, 1e-12)
	require.InDelta(t, 10/f.FailureProbability, f.TimeToFailure.Seconds(), 1e-6)
}

func TestAFailingTargetFailsNow(t *testing.T) {
	f := observed(false, true, true, true)
	require.Zero(t, f.TimeToFailure)
	w := math.Exp2(-1.0 / forgetAfter)
	require.InDelta(t, (w+1+0.5)/(w+1+1), f.FailureProbability, 1e-12)
}

func TestTheForecastIsNoSurerThanItsMemory(t *testing.T) {
	f := newForecaster(15 * time.Second)
	for range 100_000 {
		f.observe(false)
	}
	got := f.forecast()
	require.InDelta(t, 1.0/2887, got.FailureProbability, 1e-6)
	require.Less(t, got.TimeToFailure, 2900*15*time.Second)
}

func TestTheForecastFindsTheRatesOfAChain(t *testing.T) {
	const fails, recovers = 0.1, 0.4
	r := rand.New(rand.NewPCG(1, 2))
	f := newForecaster(time.Second)
	failing := false
	var up, down float64
	for range 100_000 {
		if failing {
			failing = r.Float64() >= recovers
		} else {
			failing = r.Float64() < fails
		}
		f.observe(failing)
		if p := f.forecast().FailureProbability; failing {
			down = p
		} else {
			up = p
		}
	}
	require.InDelta(t, fails, up, 0.03)
	require.InDelta(t, 1-recovers, down, 0.06)
}

func FuzzForecastStaysInBounds(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0})
	f.Fuzz(func(t *testing.T, runs []byte) {
		f := newForecaster(time.Minute)
		for _, b := range runs {
			f.observe(b&1 == 1)
			got := f.forecast()
			require.True(t, got.FailureProbability > 0 && got.FailureProbability < 1)
			require.GreaterOrEqual(t, got.TimeToFailure, time.Duration(0))
		}
	})
}
