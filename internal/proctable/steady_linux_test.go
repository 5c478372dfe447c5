package proctable

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// sleepers starts n processes that do nothing until the test is over.
func sleepers(t testing.TB, n int) map[int]*os.Process {
	pids := map[int]*os.Process{}
	t.Cleanup(func() { end(t, pids) })
	for range n {
		child := exec.Command("/bin/sleep", "1000000")
		require.NoError(t, child.Start())
		pids[child.Process.Pid] = child.Process
	}
	return pids
}

func end(t testing.TB, pids map[int]*os.Process) {
	for _, p := range pids {
		require.NoError(t, p.Kill())
	}
	for _, p := range pids {
		_, err := p.Wait()
		require.NoError(t, err)
	}
	clear(pids)
}

// sleeper starts one process that does nothing, and ends it with the test if it
// lives that long.
func sleeper(t testing.TB) *exec.Cmd {
	child := exec.Command("/bin/sleep", "1000000")
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	return child
}

// pass is what a receiver does each time: a pass, and the details of everybody
// that it watches.
func pass(t testing.TB, table *Table, pids map[int]*os.Process, watched []ID) []ID {
	s, err := table.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	watched = watched[:0]
	for i := range s.Processes {
		if id := s.Processes[i].ID; pids[id.PID] != nil {
			watched = append(watched, id)
		}
	}
	table.Watch(watched)
	for _, id := range watched {
		if _, err := table.IO(id); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Resident(id); err != nil {
			t.Fatal(err)
		}
		if _, err := table.OpenFDs(id); err != nil {
			t.Fatal(err)
		}
	}
	return watched
}

func TestSteadyStateAllocatesNothingForAProcess(t *testing.T) {
	pids := sleepers(t, 100)
	for _, budget := range []int{0, 150, 300} {
		table := open(t, "/")
		table.SetBudget(budget)
		var watched []ID
		for range 2 * refreshEvery {
			watched = pass(t, table, pids, watched)
		}
		require.Len(t, watched, len(pids))
		fewest := 1e9
		for n := 0; n < 20 && fewest > 2; n++ { // other processes of this host come and go
			fewest = min(fewest, testing.AllocsPerRun(refreshEvery, func() { watched = pass(t, table, pids, watched) }))
		}
		require.LessOrEqual(t, fewest, 2.0, "a pass, of a hundred processes, with %d kept descriptors", budget)
	}
}

func BenchmarkPass(b *testing.B) {
	for _, n := range []int{1000, 5000} {
		pids := sleepers(b, n)
		for _, budget := range []int{0, 2000, mayOpen() / 2} {
			b.Run(fmt.Sprintf("processes=%d/kept=%d", n, budget), func(b *testing.B) {
				table := open(b, "/")
				table.SetBudget(budget)
				var watched []ID
				for range 2 * refreshEvery {
					watched = pass(b, table, pids, watched)
				}
				require.Len(b, watched, n)
				b.ReportAllocs()
				began := processorTime(b)
				for b.Loop() {
					watched = pass(b, table, pids, watched)
				}
				spent := processorTime(b) - began
				b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*n), "cpu-ns/process")
			})
		}
		end(b, pids)
	}
}
