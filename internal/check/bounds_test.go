package check

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTargetsThatHangDoNotMakeOthersLate has 200 checks of well targets among 40
// that hang, half of which ignore their context, with the receiver's defaults.
func TestTargetsThatHangDoNotMakeOthersLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		const interval = 15 * time.Second
		var mu sync.Mutex
		starts := map[string][]time.Duration{}
		began := time.Now()
		var checks []Check
		add := func(name string, p Probe) {
			checks = append(checks, Check{Name: name, Type: "fake", Interval: interval, Timeout: 5 * time.Second, Probe: p})
		}
		for i := range 20 {
			add(fmt.Sprintf("hangs %d", i), taking(time.Hour))
			add(fmt.Sprintf("deaf %d", i), deaf(release))
		}
		for i := range 200 {
			name := fmt.Sprintf("well %d", i)
			add(name, &probeFunc{run: func(context.Context) (Result, error) {
				mu.Lock()
				starts[name] = append(starts[name], time.Since(began))
				mu.Unlock()
				time.Sleep(20 * time.Millisecond)
				return healthy, nil
			}})
		}
		e := started(t, Settings{MaxConcurrent: 64, MaxConcurrentPerHost: 8}, checks...)
		until(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		for name, at := range starts {
			places := newSchedule(name, interval)
			require.GreaterOrEqual(t, len(at), 40, name)
			due := places.first
			for _, start := range at {
				require.InDelta(t, due.Seconds(), start.Seconds(), 1, name)
				due, _ = places.next(due, due)
			}
		}
		for _, s := range e.Snapshots() {
			if s.Name[0] == 'w' {
				require.Zero(t, s.Skipped, s.Name)
				require.Equal(t, Healthy, s.State)
			} else {
				require.Equal(t, Timeout, s.ErrorType, s.Name)
			}
		}
	})
}

// Here more targets hang than there are slots: as long as nobody knows which, they
// make the others late, and then no more.
func TestSlowChecksGetHalfOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks []Check
		for i := range 30 {
			c := named(fmt.Sprintf("hangs %d", i), taking(time.Hour))
			c.Timeout = 5 * time.Second
			checks = append(checks, c)
		}
		checks = append(checks, named("well", answering(healthy)))
		e := started(t, Settings{MaxConcurrent: 4}, checks...)
		until(time.Minute)
		before := e.Snapshots()[30].Runs[0].Count
		until(5 * time.Minute)
		require.Equal(t, before+30, e.Snapshots()[30].Runs[0].Count)
	})
}

func TestChecksOfOneHostShareABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most [2]atomic.Int32
		var checks []Check
		for i := range 40 {
			host := i % 2
			c := named(fmt.Sprintf("check %d", i), &probeFunc{run: func(context.Context) (Result, error) {
				n := now[host].Add(1)
				defer now[host].Add(-1)
				for m := most[host].Load(); n > m && !most[host].CompareAndSwap(m, n); m = most[host].Load() {
				}
				time.Sleep(100 * time.Millisecond)
				return healthy, nil
			}})
			if host == 0 {
				c.Host = "db"
			}
			checks = append(checks, c)
		}
		started(t, Settings{MaxConcurrent: 40, MaxConcurrentPerHost: 2}, checks...)
		until(20 * time.Second)
		require.Equal(t, int32(2), most[0].Load())
		require.Greater(t, most[1].Load(), int32(2), "no host, no bound")
	})
}

func TestRunOnceRunsEachCheckOnceAndClosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		db := answering(refused)
		db.closed = make(chan struct{})
		checks := []Check{named("db", db), named("service", answering(healthy)), named("slow", taking(time.Hour)), named("deaf", deaf(release)), named("cache", answering(degraded))}
		checks[0].FailuresToUnhealthy = 5
		checks[1].DependsOn = []string{"db"}
		began := time.Now()
		got, err := RunOnce(t.Context(), checks, Settings{MaxConcurrent: 5})
		require.EqualError(t, err, `check "deaf": a run that was abandoned has not returned`)
		require.Equal(t, 2*time.Second+returnGrace, time.Since(began))
		<-db.closed
		var states []State
		for _, s := range got {
			states = append(states, s.State)
		}
		require.Equal(t, []State{Unhealthy, Unknown, Unhealthy, Unhealthy, Degraded}, states)
		require.Equal(t, "depends on db, which is unhealthy", got[1].Reason)
		require.Equal(t, Timeout, got[2].ErrorType)
		require.Equal(t, "connect", got[2].Steps[0].Name)
	})
}

func TestRunOnceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := RunOnce(ctx, []Check{named("a", taking(time.Hour)), named("b", taking(time.Hour))}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		for _, s := range got {
			require.Equal(t, Unknown, s.State)
			require.Equal(t, "not run: context deadline exceeded", s.Reason)
			require.Equal(t, Internal, s.ErrorType)
		}
		_, err = RunOnce(ctx, []Check{named("a", nil)}, Settings{MaxConcurrent: 1})
		require.EqualError(t, err, `check "a": no probe`)
	})
}

func TestNoticesArePassedOnWithTheirCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Noticed
		result := healthy
		result.Notices = []Notice{{Kind: ContractChanged, Summary: "two\ntools", Attributes: map[string]string{"added": "x\x00"}}}
		started(t, Settings{OnNotice: func(n Noticed) { got = append(got, n) }}, named("tools", answering(result, healthy)))
		until(time.Minute)
		require.Len(t, got, 1)
		require.Equal(t, Noticed{
			Name: "tools", Type: "fake", Time: got[0].Time,
			Notice: Notice{Kind: ContractChanged, Summary: "two tools", Attributes: map[string]string{"added": "x"}},
		}, got[0])
	})
}

func TestTheNoticesOfARunAreBounded(t *testing.T) {
	n := Notice{Attributes: map[string]string{}}
	for i := range 100 {
		n.Attributes[fmt.Sprintf("%03d", i)] = "x"
	}
	v := judge(Result{State: Healthy, Notices: make([]Notice, 100)}, nil, nil, time.Second)
	require.Len(t, v.notices, maxNotices)
	require.Len(t, tidy([]Notice{n})[0].Attributes, maxNotices)
}
