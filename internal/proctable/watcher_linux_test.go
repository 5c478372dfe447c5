package proctable

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// watcher starts one and returns what it reports.
func watcher(t testing.TB, options ...WatcherOption) (*Watcher, chan Exit) {
	exits := make(chan Exit, 10000)
	w, err := NewWatcher(func(e Exit) { exits <- e }, options...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w, exits
}

func guarded(w *Watcher) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.guards)
}

// idOf looks a running process up.
func idOf(t testing.TB, pid int) ID {
	table, err := Open("/")
	require.NoError(t, err)
	defer table.Close()
	s, err := table.Snapshot()
	require.NoError(t, err)
	for _, p := range s.Processes {
		if p.ID.PID == pid {
			return p.ID
		}
	}
	require.Fail(t, "no such process")
	return ID{}
}

// next waits for a report, and no longer than a second.
func next(t testing.TB, exits chan Exit) Exit {
	select {
	case e := <-exits:
		return e
	case <-time.After(time.Second):
		require.Fail(t, "no exit within a second")
		return Exit{}
	}
}

// shell starts a script that waits for a line before it goes on, and tells how to
// send that.
func shell(t testing.TB, script string) (child *exec.Cmd, begin func()) {
	child = exec.Command("/bin/sh", "-c", "read line; "+script)
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	return child, func() {
		_, err := stdin.Write([]byte("\n"))
		require.NoError(t, err)
	}
}

func TestEndOfAProcessIsReportedAtOnce(t *testing.T) {
	w, exits := watcher(t)
	for name, c := range map[string]struct {
		script string
		code   int
		signal syscall.Signal
	}{
		"success":     {"exit 0", 0, 0},
		"code":        {"exit 3", 3, 0},
		"high code":   {"exit 255", 255, 0},
		"terminated":  {"kill -TERM $$", 0, syscall.SIGTERM},
		"killed":      {"kill -KILL $$", 0, syscall.SIGKILL},
		"core dumped": {"kill -ABRT $$", 0, syscall.SIGABRT},
	} {
		for _, reaped := range []bool{true, false} {
			child, begin := shell(t, c.script)
			id := idOf(t, child.Process.Pid)
			require.NoError(t, w.Set([]ID{id}), name)
			began := time.Now()
			begin()
			if reaped {
				_ = child.Wait() // what it tells is in the case
			}
			e := next(t, exits)
			require.Less(t, time.Since(began), 900*time.Millisecond, name)
			require.WithinRange(t, e.Time, began, time.Now())
			require.Equal(t, id, e.ID)
			require.True(t, e.Known, "%s, reaped: %v", name, reaped)
			require.Equal(t, c.code, e.Code, "%s, reaped: %v", name, reaped)
			require.Equal(t, c.signal, e.Signal, "%s, reaped: %v", name, reaped)
			require.False(t, e.OOMKilled)
			if !reaped {
				_ = child.Wait()
			}
			require.NoError(t, w.Set([]ID{id}), "the caller may not know yet")
			require.NoError(t, w.Set(nil))
			require.Empty(t, exits, "it was reported already")
		}
	}
}

func TestProcessThatEndedBeforeItWasWatchedIsReported(t *testing.T) {
	w, exits := watcher(t)
	child, begin := shell(t, "exit 3")
	id := idOf(t, child.Process.Pid)
	begin()
	require.Error(t, child.Wait())
	require.NoError(t, w.Set([]ID{id, id}))
	e := next(t, exits)
	require.Equal(t, Exit{ID: id, Time: e.Time}, e)
	require.NoError(t, w.Set([]ID{id}))
	require.Empty(t, exits)
}

func TestAnotherProcessWithThePidIsNotWatched(t *testing.T) {
	w, exits := watcher(t)
	former := idOf(t, os.Getpid())
	former.Start--
	require.NoError(t, w.Set([]ID{former}))
	require.Equal(t, former, next(t, exits).ID)
	require.Zero(t, guarded(w))
}

func TestProcessThatIsLeftOutIsNotReported(t *testing.T) {
	w, exits := watcher(t)
	child, begin := shell(t, "exit 3")
	other, otherBegin := shell(t, "exit 4")
	id, otherID := idOf(t, child.Process.Pid), idOf(t, other.Process.Pid)
	require.NoError(t, w.Set([]ID{id, otherID}))
	require.NoError(t, w.Set([]ID{otherID}))
	begin()
	require.Error(t, child.Wait())
	otherBegin()
	require.Error(t, other.Wait())
	require.Equal(t, otherID, next(t, exits).ID)
	require.Empty(t, exits)
}

func TestProcessThatIsLeftOutBecauseItEndedIsReported(t *testing.T) {
	w, exits := watcher(t)
	for range 50 {
		child, begin := shell(t, "exit 3")
		id := idOf(t, child.Process.Pid)
		require.NoError(t, w.Set([]ID{id}))
		begin()
		require.Error(t, child.Wait())
		require.NoError(t, w.Set(nil))
		require.Equal(t, id, next(t, exits).ID)
	}
	require.Empty(t, exits)
}

func TestNumberOfWatchedProcessesIsBounded(t *testing.T) {
	w, exits := watcher(t, WithLimit(2))
	var ids []ID
	for pid := range sleepers(t, 5) {
		ids = append(ids, idOf(t, pid))
	}
	require.EqualError(t, w.Set(ids), "pidfd of 3 processes not read (exhausted), for example: "+
		"watching more than 2 processes: too many open files")
	require.Equal(t, 2, guarded(w))
	require.NoError(t, unix.Kill(ids[1].PID, unix.SIGKILL))
	require.Equal(t, ids[1], next(t, exits).ID)
	require.Len(t, exits, 0)
}

func TestProcessesOfAnotherNamespaceAreNotWatched(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(root+"/proc", 0o755))
	_, err := NewWatcher(func(Exit) {}, WithRoot(root))
	require.EqualError(t, err, "watching processes: the processes in "+root+"/proc are not those of this process's pid namespace")
	_, err = NewWatcher(func(Exit) {}, WithRoot(root+"/none"))
	require.EqualError(t, err, "watching processes: opening "+root+"/none/proc: no such file or directory")
}

func TestClosedWatcherReportsNothing(t *testing.T) {
	w, exits := watcher(t)
	child, begin := shell(t, "exit 3")
	require.NoError(t, w.Set([]ID{idOf(t, child.Process.Pid)}))
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	begin()
	require.Error(t, child.Wait())
	require.EqualError(t, w.Set(nil), "watching processes: the watcher is closed")
	require.Empty(t, exits)
}

func BenchmarkWatcherSet(b *testing.B) {
	w, _ := watcher(b)
	var ids []ID
	for pid := range sleepers(b, 200) {
		ids = append(ids, idOf(b, pid))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Set(ids); err != nil {
			b.Fatal(err)
		}
	}
}
