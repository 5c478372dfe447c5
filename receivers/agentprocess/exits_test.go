package agentprocess

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// witness is exits with what they told and the processes that they are shown.
type witness struct {
	*exits
	pass    uint64
	tracked map[proctable.ID]*tracked
	told    []event
}

// newWitness makes a witness with a watcher that never reports anything, or
// without one.
func newWitness(listening bool) *witness {
	w := &witness{}
	w.exits = newExits(func(ev event) { w.told = append(w.told, ev) })
	if listening {
		w.watcher = new(proctable.Watcher)
	}
	return w
}

// see shows the processes of a collection by their pids: members in a state, and
// others without one.
func (w *witness) see(states map[int]proctable.State) {
	w.pass++
	w.tracked = map[proctable.ID]*tracked{}
	var members []*member
	for pid, state := range states {
		id := proctable.ID{PID: pid}
		w.tracked[id] = &tracked{}
		if state != "" {
			m := &member{Process: proctable.Process{ID: id, State: state, Image: &proctable.Image{Comm: "node"}}, group: &group{groupKey: groupKey{name: "g"}, label: metadata.AttributeAgentRoleTool}}
			w.tracked[id].member = m
			members = append(members, m)
		}
	}
	w.await(time.Unix(int64(w.pass), 0), w.pass, members, w.tracked)
}

func alive(pids ...int) map[int]proctable.State {
	states := map[int]proctable.State{}
	for _, pid := range pids {
		states[pid] = proctable.Sleeping
	}
	return states
}

func TestExitThatIsHeardIsToldOnce(t *testing.T) {
	w := newWitness(true)
	w.see(alive(7, 8))
	exit := proctable.Exit{ID: proctable.ID{PID: 7}, Time: time.Unix(1, 5), Known: true, Signal: syscall.SIGTERM}
	w.heard(exit)
	w.heard(exit)
	w.heard(proctable.Exit{ID: proctable.ID{PID: 99}}) // nobody we know
	require.Len(t, w.told, 1)
	require.Equal(t, exit, w.told[0].exit)
	require.Equal(t, "g", w.told[0].subject.group)
	require.Equal(t, []proctable.ID{{PID: 7}}, w.taken(nil))
	require.Empty(t, w.taken(nil))
	// It was listed a moment before, then it is gone.
	w.see(alive(7, 8))
	require.Equal(t, []proctable.ID{{PID: 8}}, w.ids)
	w.see(alive(8))
	w.see(alive(8))
	require.Len(t, w.told, 1)
	require.Len(t, w.known, 1)
}

func TestProcessThatMemoryRanOutForIsToldTwice(t *testing.T) {
	w := newWitness(true)
	w.see(alive(7))
	w.heard(proctable.Exit{ID: proctable.ID{PID: 7}, Known: true, Signal: syscall.SIGKILL, OOMKnown: true, OOMKilled: true})
	require.Len(t, w.told, 2)
	require.Equal(t, exited, w.told[0].what)
	require.Equal(t, oomKilled, w.told[1].what)
}

func TestExitThatIsNotHeardIsNoticed(t *testing.T) {
	for name, gone := range map[string]map[int]proctable.State{"gone": {}, "zombie": {7: proctable.Zombie}} {
		t.Run(name, func(t *testing.T) {
			w := newWitness(false)
			w.see(alive(7))
			w.see(gone)
			require.Len(t, w.told, 1)
			require.Equal(t, proctable.Exit{ID: proctable.ID{PID: 7}, Time: time.Unix(2, 0)}, w.told[0].exit)
			w.see(gone)
			require.Len(t, w.told, 1)
			require.Empty(t, w.known)
		})
	}
}

func TestReportThatIsOnItsWayIsAwaited(t *testing.T) {
	w := newWitness(true)
	w.see(alive(7))
	w.see(alive())
	require.Empty(t, w.told)
	require.Equal(t, []proctable.ID{{PID: 7}}, w.ids, "it stays watched")
	w.see(alive())
	require.Len(t, w.told, 1, "but not forever")
}

func TestProcessThatLeavesItsGroupHasNotEnded(t *testing.T) {
	w := newWitness(false)
	w.see(alive(7))
	w.see(map[int]proctable.State{7: ""})
	require.Empty(t, w.told)
	require.Empty(t, w.known)
}

func TestProcessThatIsFirstSeenDeadIsNotTold(t *testing.T) {
	w := newWitness(false)
	w.see(map[int]proctable.State{7: proctable.Zombie})
	w.see(alive())
	require.Empty(t, w.told)
}
