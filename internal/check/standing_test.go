package check

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSingleRunsThatGoAstrayDoNotChangeTheState(t *testing.T) {
	bad := verdict{state: Unhealthy, reason: "x", errorType: Refused}
	slow := verdict{state: Degraded, reason: "slow", errorType: Assertion}
	good := verdict{state: Healthy}
	odd := verdict{reason: "no /proc", errorType: Internal}
	type step struct {
		v    verdict
		want State
		news bool
	}
	for name, tc := range map[string]struct {
		failures, successes int
		steps               []step
	}{
		"by default one is enough":              {0, 0, []step{{good, Healthy, true}, {bad, Unhealthy, true}, {slow, Degraded, true}, {good, Healthy, true}, {good, Healthy, false}}},
		"three failures":                        {3, 1, []step{{good, Healthy, true}, {bad, Healthy, false}, {bad, Healthy, false}, {bad, Unhealthy, true}, {bad, Unhealthy, false}}},
		"failures must be in a row":             {2, 1, []step{{good, Healthy, true}, {bad, Healthy, false}, {good, Healthy, false}, {bad, Healthy, false}, {bad, Unhealthy, true}}},
		"the first failures count too":          {2, 1, []step{{bad, Unknown, true}, {bad, Unhealthy, true}}},
		"the first success is enough":           {2, 3, []step{{bad, Unknown, true}, {good, Healthy, true}}},
		"two successes":                         {1, 2, []step{{bad, Unhealthy, true}, {good, Unhealthy, false}, {bad, Unhealthy, false}, {good, Unhealthy, false}, {slow, Degraded, true}, {good, Degraded, false}, {good, Healthy, true}}},
		"degraded comes at once, leaves slowly": {3, 2, []step{{good, Healthy, true}, {slow, Degraded, true}, {good, Degraded, false}, {slow, Degraded, false}, {good, Degraded, false}, {good, Healthy, true}}},
		"unknown comes and leaves at once":      {2, 2, []step{{bad, Unknown, true}, {bad, Unhealthy, true}, {odd, Unknown, true}, {bad, Unknown, false}, {good, Healthy, true}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStanding(Check{FailuresToUnhealthy: tc.failures, SuccessesToHealthy: tc.successes})
			for i, step := range tc.steps {
				news, _ := s.take(step.v, began, "")
				require.Equal(t, step.want, s.state, "step %d", i)
				require.Equal(t, step.news, news, "step %d", i)
				require.Equal(t, s.state == Healthy, s.reason == "", "step %d: %q", i, s.reason)
				require.Equal(t, s.state == Healthy, s.errorType == None, "step %d", i)
			}
		})
	}
}

func TestAStateThatIsNotReachedYetSaysSo(t *testing.T) {
	s := newStanding(Check{FailuresToUnhealthy: 3})
	s.take(verdict{state: Unhealthy, reason: "connection refused", errorType: Refused}, began, "")
	require.Equal(t, "failed 1 of the 3 times after which it is unhealthy: connection refused", s.reason)
}

// shop is a database, a cache, a service on both, and a page on the service.
func shop(database, service *probeFunc) []Check {
	checks := []Check{named("database", database), named("cache", answering(healthy)), named("service", service), named("page", answering(healthy))}
	checks[2].DependsOn = []string{"cache", "database"}
	checks[3].DependsOn = []string{"service"}
	return checks
}

func TestWhatDependsOnAnUnhealthyCheckIsUnknownAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		var mu sync.Mutex
		failing := func() *probeFunc {
			return &probeFunc{run: ask(func() Result {
				if down.Load() {
					return refused
				}
				return healthy
			})}
		}
		told := map[string][]Transition{}
		e := started(t, Settings{OnTransition: func(tr Transition) {
			mu.Lock()
			defer mu.Unlock()
			told[tr.Name] = append(told[tr.Name], tr)
		}}, shop(failing(), failing())...)
		until(30 * time.Second)
		down.Store(true)
		until(30 * time.Second)
		s := e.Snapshots()
		require.Equal(t, Unhealthy, s[0].State)
		require.Equal(t, Healthy, s[1].State)
		for _, below := range s[2:] {
			require.Equal(t, Unknown, below.State, below.Name)
			require.Equal(t, "database", below.Cause)
			require.Equal(t, "depends on database, which is unhealthy", below.Reason)
			require.Equal(t, None, below.ErrorType)
		}
		require.GreaterOrEqual(t, s[2].ConsecutiveFailures, uint64(2), "it is measured all the same")
		require.Zero(t, s[3].ConsecutiveFailures)
		down.Store(false)
		until(30 * time.Second)
		for _, now := range e.Snapshots() {
			require.Equal(t, Healthy, now.State, now.Name)
			require.Empty(t, now.Cause)
		}
		mu.Lock()
		defer mu.Unlock()
		for name, want := range map[string][]Transition{
			"database": {{State: Healthy}, {State: Unhealthy}, {State: Healthy}},
			"cache":    {{State: Healthy}},
			"page":     {{State: Healthy}, {State: Unknown, Cause: "database"}, {State: Healthy, Cause: "database"}},
		} {
			var got []Transition
			for _, tr := range told[name] {
				got = append(got, Transition{State: tr.State, Cause: tr.Cause})
			}
			require.Equal(t, want, got, name)
		}
		last := told["service"][len(told["service"])-1]
		require.Equal(t, Healthy, last.State)
		require.Equal(t, "database", last.Cause)
	})
}

func ask(f func() Result) func(context.Context) (Result, error) {
	return func(context.Context) (Result, error) { return f(), nil }
}

func TestADependentThatIsIllInItsOwnRightIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var last Transition
		checks := shop(answering(refused, refused, refused, healthy), answering(refused))
		started(t, Settings{OnTransition: func(tr Transition) {
			mu.Lock()
			defer mu.Unlock()
			if tr.Name == "service" {
				last = tr
			}
		}}, checks...)
		until(70 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, Unhealthy, last.State)
		require.Equal(t, Unknown, last.Previous)
		require.Empty(t, last.Cause)
		require.Equal(t, refused.Reason, last.Reason)
	})
}

func TestAVerdictFromBeforeTheRecoveryIsNotBelieved(t *testing.T) {
	s := newStanding(Check{})
	s.take(verdict{state: Healthy}, began, "")
	require.True(t, s.block("database"))
	require.False(t, s.block("gateway"), "only the cause changes")
	s.freed = began.Add(time.Minute)
	news, lifted := s.take(verdict{state: Unhealthy, reason: "x", errorType: Refused}, began.Add(59*time.Second), "")
	require.False(t, news)
	require.Empty(t, lifted)
	require.Equal(t, Unknown, s.state)
	news, lifted = s.take(verdict{state: Healthy}, began.Add(time.Minute), "")
	require.True(t, news)
	require.Equal(t, "gateway", lifted)
	require.Equal(t, Healthy, s.state)
}

func TestDependenciesMustExistAndNotLeadBack(t *testing.T) {
	for name, tc := range map[string]struct {
		given map[string][]string
		want  string
	}{
		"itself":  {map[string][]string{"a": {"a"}}, `check "a": depends on itself: a → a`},
		"a ring":  {map[string][]string{"a": {"b"}, "b": {"c"}, "c": {"d", "b"}, "d": nil}, `check "b": depends on itself: b → c → b`},
		"unknown": {map[string][]string{"a": {"b"}, "b": {"x"}}, `check "b": depends on "x", and there is no check of this name`},
	} {
		t.Run(name, func(t *testing.T) { require.EqualError(t, ValidateDependencies(tc.given), tc.want) })
	}
	require.NoError(t, ValidateDependencies(map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": nil}))
	c := named("a", answering(healthy))
	c.DependsOn = []string{"a"}
	_, err := New([]Check{c}, Settings{MaxConcurrent: 1})
	require.EqualError(t, err, `check "a": depends on itself: a → a`)
}

func TestTheConditionIsThatOfTheState(t *testing.T) {
	s := newStanding(Check{FailuresToUnhealthy: 2})
	ill := verdict{state: Unhealthy, reason: "wedged: nothing ended", errorType: Assertion, condition: "wedged"}
	s.take(verdict{state: Healthy}, time.Time{}, "")
	s.take(ill, time.Time{}, "")
	require.Empty(t, s.condition, "it is healthy still")
	s.take(ill, time.Time{}, "")
	require.Equal(t, "wedged", s.condition)
	s.block("db")
	require.Empty(t, s.condition)
	require.Empty(t, judge(Result{State: Healthy, Condition: "late"}, nil, nil, time.Second).condition)
	require.Empty(t, judge(Result{State: Degraded, Condition: "late"}, nil, context.DeadlineExceeded, time.Second).condition)
	require.Equal(t, "late", judge(Result{State: Degraded, Condition: "late", Reason: "x", ErrorType: Timeout}, nil, nil, time.Second).condition)
}
