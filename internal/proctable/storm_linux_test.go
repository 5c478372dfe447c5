package proctable

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The storm is 500 processes a second for a minute, or for stormUnderRace where
// the race detector makes each of them dear. PROCTABLE_STORM=5s makes it another.
const (
	stormRate      = 500
	stormUnderRace = 5 * time.Second
)

func stormLength(t *testing.T) time.Duration {
	if s := os.Getenv("PROCTABLE_STORM"); s != "" {
		d, err := time.ParseDuration(s)
		require.NoError(t, err, "PROCTABLE_STORM")
		return d
	}
	if raceDetector {
		return stormUnderRace
	}
	return time.Minute
}

// storm starts processes at the rate, some that end at once and some that live
// for some passes, until it made as many as belong to the length. It calls made
// with their number so far.
func storm(length time.Duration, made *atomic.Int64) {
	var running sync.WaitGroup
	defer running.Wait()
	lives := [][]string{{"/bin/true"}, {"/bin/sleep", "0.02"}, {"/bin/false"}, {"/bin/sleep", "0.2"}}
	began := time.Now()
	for n := range int64(length.Seconds() * stormRate) {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / stormRate)))
		args := lives[n%int64(len(lives))]
		child := exec.Command(args[0], args[1:]...)
		if child.Start() == nil {
			made.Add(1)
			running.Go(func() { _ = child.Wait() })
		}
	}
}

func TestStormOfProcesses(t *testing.T) {
	length := stormLength(t)
	steady := sleepers(t, 3)
	files, goroutines := openFiles(t), runtime.NumGoroutine()

	table, err := Open("/")
	require.NoError(t, err)
	var mu sync.Mutex
	ended := map[ID]Exit{}
	twice := 0
	w, err := NewWatcher(func(e Exit) {
		mu.Lock()
		defer mu.Unlock()
		if _, ok := ended[e.ID]; ok {
			twice++
		}
		ended[e.ID] = e
	})
	require.NoError(t, err)

	var made atomic.Int64
	over := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(over)
		storm(length, &made)
	}()
	total := map[ID]time.Duration{} // processor time of each process
	watched := map[ID]bool{}
	passes := 0
	for stormy := true; stormy; passes++ {
		select {
		case <-over:
			stormy = false // one more pass
		case <-time.After(20 * time.Millisecond):
		}
		s, err := table.Snapshot()
		require.NoError(t, err)
		require.LessOrEqual(t, len(table.records), len(s.Processes))
		var ids []ID
		for _, p := range s.Processes {
			require.NotNil(t, p.Image)
			if p.Parent != os.Getpid() {
				continue
			}
			ids = append(ids, p.ID)
			watched[p.ID] = true
			require.GreaterOrEqual(t, p.CPUUsed, time.Duration(0))
			require.Equal(t, p.CPUUsed, p.Used.UserTime+p.Used.SystemTime)
			before, known := total[p.ID]
			if known {
				require.True(t, p.CPUKnown)
				require.Equal(t, before+p.CPUUsed, p.CPUTime)
			} else {
				require.LessOrEqual(t, p.CPUUsed, p.CPUTime)
			}
			total[p.ID] = p.CPUTime
		}
		table.Watch(ids)
		require.LessOrEqual(t, table.watch.kept, table.watch.budget)
		for _, id := range ids {
			for what, read := range map[string]func() error{
				"io":  func() error { _, err := table.IO(id); return err },
				"fds": func() error { _, err := table.OpenFDs(id); return err },
				"pss": func() error { _, err := table.PSS(id); return err },
				"cwd": func() error { _, err := table.WorkingDirectory(id); return err },
			} {
				if err := read(); err != nil {
					require.ErrorIs(t, err, ErrGone, what)
				}
			}
		}
		require.NoError(t, w.Set(ids))
	}
	t.Logf("%d processes in %v, %d passes, %d of them seen", made.Load(), time.Since(began), passes, len(watched))
	require.InDelta(t, length.Seconds()*stormRate, made.Load(), 1)
	require.Greater(t, len(watched), int(made.Load())/10, "half of them live for a pass or more on an idle host")

	for pid := range steady {
		delete(watched, idOf(t, pid))
	}
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(ended) == len(watched) }, 5*time.Second, tick)
	require.Zero(t, twice, "an end is told once")
	known := 0
	for id, e := range ended {
		require.True(t, watched[id])
		require.False(t, e.OOMKilled)
		if e.Known {
			known++
			require.Zero(t, e.Signal)
			require.LessOrEqual(t, e.Code, 1)
		}
	}
	require.Greater(t, known, len(ended)/2)

	_, err = table.Snapshot()
	require.NoError(t, err)
	table.Watch(nil)
	require.Zero(t, table.watch.kept)
	require.Zero(t, table.watch.stats)
	require.NoError(t, w.Set(nil))
	require.NoError(t, w.Set(nil))
	require.NoError(t, w.Close())
	require.Empty(t, w.guards)
	require.Empty(t, w.events)
	require.Empty(t, w.held)
	require.Empty(t, w.kills)
	require.Empty(t, w.silent)
	require.NoError(t, table.Close())
	for deadline := time.Now().Add(5 * time.Second); openFiles(t) > files || runtime.NumGoroutine() > goroutines; time.Sleep(tick) {
		require.True(t, time.Now().Before(deadline), "%d files and %d goroutines, then %d and %d",
			files, goroutines, openFiles(t), runtime.NumGoroutine())
	}
}
