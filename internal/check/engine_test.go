package check

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSnapshotExistsBeforeTheFirstRun(t *testing.T) {
	c := named("db", answering(healthy))
	c.Critical = true
	e, err := New([]Check{c}, Settings{MaxConcurrent: 1})
	require.NoError(t, err)
	require.Equal(t, []Snapshot{{
		Name: "db", Type: "fake", Critical: true,
		Runs: []RunCount{{Result: Healthy}},
	}}, e.Snapshots())
}

func TestEveryCheckHasAVerdictWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks []Check
		for i := range 50 {
			c := named(fmt.Sprintf("check %d", i), answering(healthy))
			c.Interval = time.Hour
			checks = append(checks, c)
		}
		e := started(t, Settings{}, checks...)
		until(time.Second)
		for _, s := range e.Snapshots() {
			require.Equal(t, Healthy, s.State, s.Name)
			require.Equal(t, []RunCount{{Result: Healthy, Count: 1}}, s.Runs)
		}
	})
}

func TestFirstVerdictAndChangesAreNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []Transition
		c := named("db", answering(healthy, healthy, degraded, refused, refused, healthy))
		c.Critical = true
		started(t, Settings{OnTransition: func(tr Transition) {
			mu.Lock()
			defer mu.Unlock()
			require.WithinDuration(t, time.Now(), tr.Time, 0)
			tr.Time = time.Time{}
			got = append(got, tr)
		}}, c)
		until(70 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		base := Transition{Name: "db", Type: "fake", Critical: true}
		var want []Transition
		for _, w := range []struct {
			previous, state State
			result          Result
		}{{Unknown, Healthy, healthy}, {Healthy, Degraded, degraded}, {Degraded, Unhealthy, refused}, {Unhealthy, Healthy, healthy}} {
			tr := base
			tr.Previous, tr.State, tr.Reason, tr.ErrorType = w.previous, w.state, w.result.Reason, w.result.ErrorType
			want = append(want, tr)
		}
		require.Equal(t, want, got)
	})
}

func TestAProbeThatNeverWorkedIsNewsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Transition
		broken := &probeFunc{run: func(context.Context) (Result, error) { return Result{}, errors.New("no /proc") }}
		e := started(t, Settings{OnTransition: func(tr Transition) { got = append(got, tr) }}, named("host", broken))
		until(35 * time.Second)
		require.Len(t, got, 1)
		require.Equal(t, Unknown, got[0].State)
		require.Equal(t, Unknown, got[0].Previous)
		require.Equal(t, Internal, got[0].ErrorType)
		require.Equal(t, "no /proc", got[0].Reason)
		require.False(t, e.Snapshots()[0].Forecast.Known)
	})
}

func TestHistoryOfAFlappingTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		measured := Result{State: Healthy, Steps: []Step{{"connect", 0}, {"query", 0}}, Measurements: []Measurement{{Name: "pool", Value: 3}}}
		e := started(t, Settings{}, named("db", answering(measured, refused, degraded, refused, refused)))
		until(time.Second)
		first := e.Snapshots()[0]
		until(50 * time.Second)
		s := e.Snapshots()[0]
		require.Equal(t, Unhealthy, s.State)
		require.Equal(t, Degraded, s.Previous)
		require.Equal(t, refused.Reason, s.Reason)
		require.Equal(t, Refused, s.ErrorType)
		require.Empty(t, s.Steps)
		require.Equal(t, []RunCount{
			{Result: Healthy, Count: 1},
			{Result: Degraded, ErrorType: Assertion, Count: 1},
			{Result: Unhealthy, ErrorType: Refused, Count: s.Runs[2].Count},
		}, s.Runs)
		require.GreaterOrEqual(t, s.Runs[2].Count, uint64(3))
		require.Equal(t, s.Runs[2].Count-1, s.ConsecutiveFailures)
		require.True(t, s.LastSuccess.After(first.LastSuccess))
		require.Equal(t, measured.Measurements, s.Measurements)
		require.Equal(t, first.LastRun, s.MeasuredAt)
		require.True(t, s.MeasuredAt.Before(s.LastRun))
	})
}

func TestAProbeThatHonoursItsContextTellsHowFarItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := started(t, Settings{}, named("db", taking(time.Minute)))
		until(time.Second + 2*time.Second)
		s := e.Snapshots()[0]
		require.Equal(t, Unhealthy, s.State)
		require.Equal(t, Timeout, s.ErrorType)
		require.Equal(t, "query: context deadline exceeded", s.Reason)
		require.Equal(t, 2*time.Second, s.Duration)
		require.Equal(t, "connect", s.Steps[0].Name)
		require.Zero(t, s.Abandoned)
	})
}

func TestADeafProbeIsAbandonedAndNeverPilesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var begun atomic.Int32
		p := deaf(release)
		run := p.run
		p.run = func(ctx context.Context) (Result, error) { begun.Add(1); return run(ctx) }
		c := named("db", p)
		c.Interval, c.Timeout = 10*time.Second, 2*time.Second
		e := started(t, Settings{}, c)

		until(time.Second + c.Timeout + returnGrace)
		s := e.Snapshots()[0]
		require.Equal(t, Unhealthy, s.State)
		require.Equal(t, Timeout, s.ErrorType)
		require.Equal(t, "no answer for 2.25s and the probe does not stop (timeout 2s)", s.Reason)
		require.Equal(t, c.Timeout+returnGrace, s.Duration)
		require.True(t, s.Stuck)

		until(10 * c.Interval)
		s = e.Snapshots()[0]
		require.Equal(t, int32(1), begun.Load())
		require.Equal(t, uint64(1), s.Abandoned)
		require.Equal(t, uint64(11), s.ConsecutiveFailures)
		require.Equal(t, []RunCount{{Result: Healthy}, {Result: Unhealthy, ErrorType: Timeout, Count: 11}}, s.Runs)
		require.Greater(t, s.Duration, 9*c.Interval)

		close(release)
		until(c.Interval)
		s = e.Snapshots()[0]
		require.Equal(t, Healthy, s.State)
		require.False(t, s.Stuck)
		require.Equal(t, int32(2), begun.Load())
		require.Equal(t, []RunCount{{Result: Healthy, Count: 1}, {Result: Unhealthy, ErrorType: Timeout, Count: 11}}, s.Runs, "the late answer of the abandoned run is dropped")
	})
}

func TestDeafProbesDoNotHoldSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var checks []Check
		for i := range 5 {
			checks = append(checks, named(fmt.Sprintf("deaf %d", i), deaf(release)))
		}
		checks = append(checks, named("fine", answering(healthy)))
		e := started(t, Settings{MaxConcurrent: 1}, checks...)
		until(time.Minute)
		s := e.Snapshots()[5]
		require.Equal(t, Healthy, s.State)
		require.GreaterOrEqual(t, s.Runs[0].Count, uint64(4))
	})
}

func TestConcurrencyIsBoundedOverAllChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		var checks []Check
		for i := range 40 {
			checks = append(checks, named(fmt.Sprintf("check %d", i), &probeFunc{run: func(context.Context) (Result, error) {
				n := now.Add(1)
				defer now.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Second)
				return healthy, nil
			}}))
		}
		e := started(t, Settings{MaxConcurrent: 4}, checks...)
		until(12 * time.Second)
		require.Equal(t, int32(4), most.Load())
		for _, s := range e.Snapshots() {
			require.Equal(t, Healthy, s.State, s.Name)
		}
	})
}

func TestARunLongerThanTheIntervalSkipsTicksAndNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int32
		slow := taking(2500 * time.Millisecond)
		c := named("slow", &probeFunc{run: func(ctx context.Context) (Result, error) {
			if now.Add(1) != 1 {
				t.Error("two runs at once")
			}
			defer now.Add(-1)
			return slow.Run(ctx)
		}})
		c.Interval, c.Timeout = time.Second, 5*time.Second
		e := started(t, Settings{}, c)
		until(31 * time.Second)
		s := e.Snapshots()[0]
		require.Equal(t, uint64(10), s.Runs[0].Count)
		require.InDelta(t, 20, s.Skipped, 1)
	})
}

func TestAPanicIsAVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stacks atomic.Int32
		e := started(t, Settings{OnPanic: func(name string, value any, stack []byte) {
			require.Equal(t, "db", name)
			require.Equal(t, "boom", value)
			require.Contains(t, string(stack), "TestAPanicIsAVerdict")
			stacks.Add(1)
		}},
			named("db", &probeFunc{run: func(context.Context) (Result, error) { panic("boom") }}),
			named("gone", &probeFunc{run: func(context.Context) (Result, error) { runtime.Goexit(); return Result{}, nil }}),
		)
		until(12 * time.Second)
		s := e.Snapshots()
		require.Equal(t, Unknown, s[0].State)
		require.Equal(t, Internal, s[0].ErrorType)
		require.Equal(t, "the probe panicked: boom", s[0].Reason)
		require.GreaterOrEqual(t, stacks.Load(), int32(1))
		require.Equal(t, uint64(stacks.Load()), s[0].ConsecutiveFailures)
		require.Equal(t, "the probe did not return", s[1].Reason)
		require.False(t, s[1].Stuck)
	})
}

func TestShutdownEndsRunsAndClosesProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := taking(time.Minute)
		p.closed = make(chan struct{})
		var news atomic.Int32
		c := named("db", p)
		c.Timeout = 30 * time.Second
		e, err := New([]Check{c}, Settings{MaxConcurrent: 1, OnTransition: func(Transition) { news.Add(1) }})
		require.NoError(t, err)
		e.Start()
		until(2 * time.Second)
		require.NoError(t, e.Shutdown(t.Context()))
		<-p.closed
		require.Zero(t, news.Load(), "a run that the engine cut short is no verdict")
		require.NoError(t, e.Shutdown(t.Context()))
		e.Start()
		until(time.Minute)
		require.Zero(t, news.Load())
	})
}

func TestShutdownWithoutStartClosesProbes(t *testing.T) {
	p := answering(healthy)
	p.closed = make(chan struct{})
	e, err := New([]Check{named("db", p)}, Settings{MaxConcurrent: 1})
	require.NoError(t, err)
	require.NoError(t, e.Shutdown(t.Context()))
	<-p.closed
	require.NoError(t, e.Shutdown(t.Context()))
}

func TestShutdownWithADeafProbeIsBoundedAndNamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := deaf(release)
		p.closed = make(chan struct{})
		e, err := New([]Check{named("db", p)}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		e.Start()
		until(time.Second)
		began := time.Now()
		require.EqualError(t, e.Shutdown(t.Context()), `check "db": a run that was abandoned has not returned`)
		require.Equal(t, stopGrace, time.Since(began))
		select {
		case <-p.closed:
			t.Fatal("closed in the middle of a run")
		default:
		}
		close(release)
		<-p.closed
	})
}

func TestFaultsInCloseAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		e, err := New([]Check{
			named("fails", closing(func() error { return errors.New("broken pipe") })),
			named("hangs", closing(func() error { <-release; return nil })),
			named("panics", closing(func() error { panic("boom") })),
		}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		began := time.Now()
		require.EqualError(t, e.Shutdown(t.Context()), `check "fails": closing the probe: broken pipe
check "hangs": closing the probe did not end
check "panics": closing the probe: panic: boom`)
		require.Equal(t, closeGrace, time.Since(began))
	})
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	for name, tc := range map[string]struct {
		checks []Check
		slots  int
		want   string
	}{
		"two of a name": {[]Check{named("a", answering(healthy)), named("a", answering(healthy))}, 1, `check "a": there are two of this name`},
		"no probe":      {[]Check{named("a", nil)}, 1, `check "a": no probe`},
		"no slots":      {nil, 0, "max concurrent runs must be at least 1, got 0"},
		"no interval":   {[]Check{{Name: "a", Probe: answering(healthy)}}, 1, `check "a": interval and timeout must be above zero, got 0s and 0s`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(tc.checks, Settings{MaxConcurrent: tc.slots})
			require.EqualError(t, err, tc.want)
		})
	}
}

func BenchmarkSnapshots(b *testing.B) {
	var checks []Check
	for i := range 100 {
		checks = append(checks, named(fmt.Sprint(i), answering(healthy)))
	}
	e, err := New(checks, Settings{MaxConcurrent: 1})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		e.Snapshots()
	}
}
