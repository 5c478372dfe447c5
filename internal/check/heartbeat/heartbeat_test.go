package heartbeat

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched is an agent: its probe, with the clock of the test.
type watched struct {
	*Probe
	t     *testing.T
	store *Store
	now   time.Time
}

func newAgent(t *testing.T, change func(*Settings)) *watched {
	t.Helper()
	a := &watched{t: t, store: new(Store), now: time.Unix(1_800_000_000, 0)}
	a.Probe = a.probe(change)
	return a
}

func (a *watched) probe(change func(*Settings)) *Probe {
	s := DefaultSettings()
	s.Store, s.Name, s.Now = a.store, "planner", func() time.Time { return a.now }
	if change != nil {
		change(&s)
	}
	p, err := New(s)
	require.NoError(a.t, err)
	return p
}

func (a *watched) beat(progress string) { require.True(a.t, a.store.Beat("planner", progress, a.now)) }

func (a *watched) want(state check.State, kind check.ErrorType, reason string) check.Result {
	a.t.Helper()
	r, err := a.Run(a.t.Context())
	require.NoError(a.t, err)
	require.Equal(a.t, reason, r.Reason)
	if condition, _, told := strings.Cut(reason, ": "); told && state != check.Unknown {
		require.Equal(a.t, condition, r.Condition)
	} else {
		require.Empty(a.t, r.Condition)
	}
	require.Equal(a.t, kind, r.ErrorType)
	require.Equal(a.t, state, r.State)
	require.Len(a.t, r.Steps, 1)
	return r
}

func TestAgentIsLateAndThenDead(t *testing.T) {
	a := newAgent(t, nil)
	a.beat("")
	r := a.want(check.Healthy, check.None, "")
	require.Equal(t, []check.Measurement{
		{Name: "heartbeat.age", Value: 0}, {Name: "heartbeat.signal.age", Value: 0, Attributes: map[string]string{"signal": "call"}},
	}, r.Measurements)
	a.now = a.now.Add(time.Minute)
	r = a.want(check.Healthy, check.None, "")
	require.Equal(t, 60.0, r.Measurements[0].Value)
	a.now = a.now.Add(time.Second)
	a.want(check.Degraded, check.Timeout, "late: no heartbeat for 1m1s, more than 1m0s")
	a.now = a.now.Add(119 * time.Second)
	a.want(check.Degraded, check.Timeout, "late: no heartbeat for 3m0s, more than 1m0s")
	a.now = a.now.Add(time.Second)
	a.want(check.Unhealthy, check.Timeout, "dead: no heartbeat for 3m1s, more than 3 times 1m0s")
	a.beat("")
	a.want(check.Healthy, check.None, "")
}

func TestAgentIsUnknownUntilItsFirstHeartbeatIsDue(t *testing.T) {
	a := newAgent(t, nil)
	r := a.want(check.Unknown, check.Internal, "no heartbeat yet, in 0s of listening; the first is due within 1m0s")
	require.Empty(t, r.Measurements)
	a.now = a.now.Add(time.Minute)
	a.want(check.Unknown, check.Internal, "no heartbeat yet, in 1m0s of listening; the first is due within 1m0s")
	a.now = a.now.Add(time.Second)
	a.want(check.Degraded, check.Timeout, "late: no heartbeat yet, in 1m1s of listening, more than 1m0s")
	a.now = a.now.Add(2 * time.Minute)
	a.want(check.Unhealthy, check.Timeout, "dead: no heartbeat yet, in 3m1s of listening, more than 3 times 1m0s")
}

func TestAgentThatDoesNotGetOnIsWedged(t *testing.T) {
	a := newAgent(t, func(s *Settings) { s.WedgedAfter = 3 })
	for _, progress := range []string{"1", "2", "2", "3", "3"} {
		a.beat(progress)
		a.want(check.Healthy, check.None, "")
	}
	a.beat("3")
	a.want(check.Unhealthy, check.Assertion, "wedged: the last 3 heartbeats told of the same progress")
	a.beat("3")
	a.want(check.Unhealthy, check.Assertion, "wedged: the last 4 heartbeats told of the same progress")
	a.now = a.now.Add(2 * time.Minute)
	a.want(check.Unhealthy, check.Assertion, "wedged: the last 4 heartbeats told of the same progress")
	a.beat("")
	a.want(check.Healthy, check.None, "")
	for range 10 {
		a.beat("")
	}
	a.want(check.Healthy, check.None, "")

	off := newAgent(t, func(s *Settings) { s.WedgedAfter = 0 })
	for range 100 {
		off.beat("same")
	}
	off.want(check.Healthy, check.None, "")
}

func TestSilenceOutlivesARestartButDoesNotGrowMeanwhile(t *testing.T) {
	restart := func(a *watched) *watched {
		state, err := a.State()
		require.NoError(t, err)
		require.NotContains(t, string(state), "secret")
		again := newAgent(t, nil)
		again.now = a.now.Add(24 * time.Hour)
		again.Probe = again.probe(nil)
		require.NoError(t, again.Restore(state))
		return again
	}
	a := newAgent(t, nil)
	a.now = a.now.Add(50 * time.Second)
	a = restart(a)
	a.want(check.Unknown, check.Internal, "no heartbeat yet, in 50s of listening; the first is due within 1m0s")

	a.beat("secret step 1")
	a.now = a.now.Add(50 * time.Second)
	a = restart(a)
	r := a.want(check.Healthy, check.None, "")
	require.Equal(t, 50.0, r.Measurements[0].Value)
	a.now = a.now.Add(11 * time.Second)
	a.want(check.Degraded, check.Timeout, "late: no heartbeat for 1m1s, more than 1m0s")
	a = restart(a)
	a.want(check.Degraded, check.Timeout, "late: no heartbeat for 1m1s, more than 1m0s")
	a.now = a.now.Add(time.Hour)
	a = restart(a)
	a.want(check.Unhealthy, check.Timeout, "dead: no heartbeat for 1h1m1s, more than 3 times 1m0s")
	a.beat("secret step 1")
	a.want(check.Healthy, check.None, "")
	for range 3 {
		a.beat("secret step 1")
	}
	a = restart(a)
	a.want(check.Unhealthy, check.Assertion, "wedged: the last 5 heartbeats told of the same progress")

	// What came already is newer than what is restored.
	b := newAgent(t, nil)
	b.beat("")
	require.NoError(t, b.Restore([]byte(`{"beaten":true,"silence_ns":3600000000000}`)))
	b.want(check.Healthy, check.None, "")
}

func TestStateThatCannotBeIsRefused(t *testing.T) {
	for _, state := range []string{"", "[]", `{"silence_ns":-1}`, `{"silence_ns":9223372036854775807}`, `{"same":-1}`,
		`{"listening_ns":-1}`, `{"absent_ns":{"traces":-1}}`, `{"absent_ns":{"moon":-1}}`, `{"idle_ns":-1}`,
	} {
		require.Error(t, newAgent(t, nil).Restore([]byte(state)), state)
	}
}

func TestStrangersCannotFillTheStore(t *testing.T) {
	a := newAgent(t, nil)
	for i := range 1000 {
		require.False(t, a.store.Beat(fmt.Sprintf("agent %d", i), "", a.now))
	}
	require.Len(t, a.store.agents, 1)
	require.False(t, a.store.Beat("planner", strings.Repeat("x", MaxProgress+1), a.now))
	require.False(t, new(Store).Beat("planner", "", a.now))
	a.want(check.Unknown, check.Internal, "no heartbeat yet, in 0s of listening; the first is due within 1m0s")
}

func TestBeatsMayComeAtOnceAndOutOfOrder(t *testing.T) {
	a := newAgent(t, nil)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { a.store.Beat("planner", "x", a.now.Add(time.Duration(-i)*time.Hour)) })
	}
	all.Wait()
	require.Equal(t, life{last: [signs]time.Time{Call: a.now}, progress: a.store.life("planner").progress, same: 100}, a.store.life("planner"))
}

func TestHandlerTakesHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(Store)
		s := DefaultSettings()
		s.Store, s.Name = store, "team a/planner"
		_, err := New(s)
		require.NoError(t, err)
		handler := Handler(store)
		f := func(method, target, body string, want int) {
			t.Helper()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
			require.Equal(t, want, w.Code)
		}
		const planner = "/heartbeat/team%20a%2Fplanner"
		f(http.MethodPost, planner, "", http.StatusNoContent)
		require.Equal(t, life{last: [signs]time.Time{Call: time.Now()}}, store.life(s.Name))
		time.Sleep(time.Second)
		f(http.MethodPost, planner, "step 1", http.StatusNoContent)
		f(http.MethodPost, planner+"?progress=step+1", "ignored", http.StatusNoContent)
		got := store.life(s.Name)
		require.Equal(t, time.Now(), got.last[Call])
		require.Equal(t, 2, got.same)

		f(http.MethodGet, planner, "", http.StatusMethodNotAllowed)
		f(http.MethodPost, "/heartbeat/nobody", "", http.StatusNotFound)
		f(http.MethodPost, "/heartbeat/", "", http.StatusNotFound)
		f(http.MethodPost, "/", "", http.StatusNotFound)
		f(http.MethodPost, planner, strings.Repeat("x", MaxProgress), http.StatusNoContent)
		f(http.MethodPost, planner, strings.Repeat("x", MaxProgress+1), http.StatusRequestEntityTooLarge)
		f(http.MethodPost, planner+"?progress="+strings.Repeat("x", MaxProgress+1), "", http.StatusRequestEntityTooLarge)
	})
}

func TestSettingsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"there must be a store":                                         func(s *Settings) { s.Store = nil },
		"the name must not be empty":                                    func(s *Settings) { s.Name = "" },
		"interval: want more than zero, got 0s":                         func(s *Settings) { s.Interval = 0 },
		"dead after: want at least 1 interval, got 0":                   func(s *Settings) { s.DeadAfter = 0 },
		"wedged after: want 0 or more heartbeats, got -1":               func(s *Settings) { s.WedgedAfter = -1 },
		"work interval: want 0 or more, got -1s":                        func(s *Settings) { s.WorkInterval = -time.Second },
		"expect: there is no sign 5":                                    func(s *Settings) { s.Expect = 5 },
		"the sender: telemetry can only be expected of a named service": func(s *Settings) { s.Expect = Traces },
		"max instances: want at least 1, got 0":                         func(s *Settings) { s.Sender.Service, s.MaxInstances = "planner", 0 },
		"min instances: want 0 to 100, the most that are remembered, got 101": func(s *Settings) {
			s.Sender.Service, s.MinInstances = "planner", 101
		},
	} {
		s := DefaultSettings()
		s.Store, s.Name = new(Store), "planner"
		change(&s)
		_, err := New(s)
		require.EqualError(t, err, want)
	}
}

func FuzzRestore(f *testing.F) {
	f.Add(`{"beaten":true,"silence_ns":60000000000,"progress_hash":1,"same":2}`)
	f.Add(`{"beaten":false,"silence_ns":1,"listening_ns":60000000000,"absent_ns":{"traces":5,"logs":0},"idle_ns":7}`)
	f.Fuzz(func(t *testing.T, state string) {
		a := newAgent(t, func(s *Settings) { s.Sender.Service, s.Expect, s.WorkInterval = "planner", Traces, time.Minute })
		if a.Restore([]byte(state)) != nil {
			return
		}
		r, err := a.Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, r.State == check.Healthy, r.Reason == "")
	})
}

func BenchmarkBeat(b *testing.B) {
	store := new(Store)
	s := DefaultSettings()
	s.Name = "planner"
	store.expect(s)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		store.Beat("planner", "step 12 of 40", now)
	}
}
