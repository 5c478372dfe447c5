package check

import (
	"errors"
	"hash/crc32"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// remembering is a Stateful probe.
type remembering struct {
	probeFunc
	memory string
	fails  bool
}

func (r *remembering) State() ([]byte, error) { return []byte(r.memory), nil }

func (r *remembering) Restore(state []byte) error {
	if r.fails {
		return errors.New("too old")
	}
	r.memory = string(state)
	return nil
}

// live runs an Engine for a while and returns what it saved and what it told.
func live(t *testing.T, c Check, state []byte, d time.Duration) (saved []byte, told []Transition, last Snapshot) {
	t.Helper()
	e, err := New([]Check{c}, Settings{MaxConcurrent: 1, HistorySize: 100, OnTransition: func(tr Transition) { told = append(told, tr) }})
	require.NoError(t, err)
	if state != nil {
		require.NoError(t, e.Restore(c.Name, state))
	}
	e.Start()
	until(d)
	last = e.Snapshots()[0]
	require.NoError(t, e.Shutdown(t.Context()))
	saved, err = e.Save(c.Name)
	require.NoError(t, err)
	return saved, told, last
}

func TestARestartInTheMiddleOfAnOutageIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &remembering{probeFunc: *answering(healthy, healthy, refused), memory: "three tools"}
		state, told, before := live(t, named("db", first), nil, 2*time.Minute)
		require.Len(t, told, 2)
		failures := before.ConsecutiveFailures
		require.Positive(t, failures)

		until(time.Minute)
		second := &remembering{probeFunc: *answering(refused, refused, healthy)}
		e, err := New([]Check{named("db", second)}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		require.NoError(t, e.Restore("db", state))
		s := e.Snapshots()[0]
		require.Equal(t, Unhealthy, s.State)
		require.Equal(t, Healthy, s.Previous)
		require.Equal(t, refused.Reason, s.Reason)
		require.Equal(t, failures, s.ConsecutiveFailures)
		require.True(t, before.LastSuccess.Equal(s.LastSuccess))
		require.True(t, s.LastRun.IsZero())
		require.InDelta(t, before.Forecast.FailureProbability, s.Forecast.FailureProbability, 1e-6)
		require.Len(t, e.History("db"), int(failures)+2)
		require.Equal(t, []RunCount{{Result: Healthy}}, s.Runs, "counters begin with the process")
		require.Equal(t, before.Availability, s.Availability)

		_, told, after := live(t, named("db", second), state, 11*time.Second)
		require.Empty(t, told, "the outage goes on")
		require.Greater(t, after.ConsecutiveFailures, failures)
		require.Equal(t, "three tools", second.memory)

		_, told, _ = live(t, named("db", answering(healthy)), state, 11*time.Second)
		require.Len(t, told, 1)
		require.Equal(t, Unhealthy, told[0].Previous)
		require.Equal(t, Healthy, told[0].State)
	})
}

func TestOnlyWhatWasSavedIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, _, _ := live(t, named("db", answering(refused)), nil, 2*time.Minute)
		e, err := New([]Check{named("db", &remembering{probeFunc: *answering(healthy), fails: true})}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		fresh := e.Snapshots()

		for i := range state {
			bad := append([]byte(nil), state...)
			bad[i] ^= 0x40
			require.ErrorIs(t, e.Restore("db", bad), ErrCorrupt, "byte %d", i)
		}
		require.ErrorIs(t, e.Restore("db", state[:len(state)-1]), ErrCorrupt)
		require.ErrorIs(t, e.Restore("db", nil), ErrCorrupt)
		require.ErrorIs(t, e.Restore("db", make([]byte, maxSaved+1)), ErrCorrupt)
		require.Equal(t, fresh, e.Snapshots())

		other := named("db", answering(healthy))
		other.Type = "http"
		moved, err := New([]Check{other}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		require.ErrorIs(t, moved.Restore("db", state), ErrOtherCheck)
		require.Equal(t, Unknown, moved.Snapshots()[0].State)
		require.EqualError(t, e.Restore("cache", state), `check "cache": there is no check of this name`)
	})
}

func TestAProbeThatCannotUseItsStateStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state, _, _ := live(t, named("db", &remembering{probeFunc: *answering(refused), memory: "x"}), nil, time.Minute)
		e, err := New([]Check{named("db", &remembering{probeFunc: *answering(healthy), fails: true})}, Settings{MaxConcurrent: 1})
		require.NoError(t, err)
		require.EqualError(t, e.Restore("db", state), `check "db": the probe cannot use what it saved: too old`)
		require.Equal(t, Unhealthy, e.Snapshots()[0].State)
	})
}

func TestThereIsNothingToSaveBeforeTheFirstVerdict(t *testing.T) {
	e, err := New([]Check{named("db", answering(healthy))}, Settings{MaxConcurrent: 1})
	require.NoError(t, err)
	for _, name := range []string{"db", "other"} {
		state, err := e.Save(name)
		require.NoError(t, err)
		require.Nil(t, state)
	}
}

func FuzzRestore(f *testing.F) {
	h := newHistory(named("db", nil), 50)
	r := &runner{check: named("db", answering(healthy)), history: h}
	f.Add([]byte{})
	f.Add([]byte("wkcheck\x01xxxx{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		state := append(append([]byte(nil), magic...), make([]byte, crc32.Size)...)
		state = append(state, body...)
		sum := crc32.Checksum(body, castagnoli)
		for i := range crc32.Size {
			state[len(magic)+i] = byte(sum >> (24 - 8*i))
		}
		if s, err := decode(state); err == nil {
			r.restore(s)
			r.history.snapshot(began)
			r.history.add(verdict{state: Healthy}, began)
		}
	})
}
