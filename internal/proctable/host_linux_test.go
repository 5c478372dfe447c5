package proctable

import (
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func own(t testing.TB, table *Table) Process {
	s, err := table.Snapshot()
	var faults Faults
	if err != nil {
		require.ErrorAs(t, err, &faults)
	}
	for _, p := range s.Processes {
		if p.ID.PID == os.Getpid() {
			return p
		}
	}
	require.Fail(t, "this process is not in its own snapshot")
	return Process{}
}

func TestOwnProcess(t *testing.T) {
	table := open(t, "/")
	first := own(t, table)
	require.Equal(t, os.Getppid(), first.Parent)
	require.Equal(t, uint32(os.Geteuid()), first.Image.UID)
	require.Contains(t, first.Image.CommandLine, os.Args[0])
	require.WithinRange(t, table.StartTime(first.ID), time.Now().Add(-time.Hour), time.Now().Add(2*time.Second))
	require.Greater(t, first.RSS, int64(1<<20))
	require.Less(t, first.RSS, first.VSize)
	require.Greater(t, first.Threads, 1)

	path, err := os.Executable()
	require.NoError(t, err)
	got, err := table.Executable(first.ID)
	require.NoError(t, err)
	require.Equal(t, path, got)
	pss, err := table.PSS(first.ID)
	require.NoError(t, err)
	require.Greater(t, pss, int64(1<<20))

	for began := processorTime(t); processorTime(t)-began < 100*time.Millisecond; {
	}
	second := own(t, table)
	require.Equal(t, first.ID, second.ID)
	require.Same(t, first.Image, second.Image)
	require.True(t, second.CPUKnown)
	require.GreaterOrEqual(t, second.CPUUsed, 80*time.Millisecond, "user and system time are each cut to ticks")
	require.Equal(t, second.CPUTime-first.CPUTime, second.CPUUsed)
}

// processorTime is that of this process as getrusage(2) tells it.
func processorTime(t testing.TB) time.Duration {
	var usage unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestOwnOpenFilesCountTheSameBothWays(t *testing.T) {
	table := open(t, "/")
	id := own(t, table).ID
	for range 100 {
		f, err := os.Open(os.DevNull)
		require.NoError(t, err)
		defer f.Close()
	}
	listed, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	want := len(listed) - 1 // the directory itself was open while it was read

	// To list the directory it has to be open, to ask for its size not.
	extra := map[bool]int{true: 0, false: 1}
	for _, sized := range []bool{table.sizedFDs, false} {
		table.sizedFDs = sized
		got, err := table.OpenFDs(id)
		require.NoError(t, err)
		require.Equal(t, want+extra[sized], got, "by size: %v", sized)
	}
}

func TestChildThatEndsBecomesAZombieAndThenNothing(t *testing.T) {
	table := open(t, "/")
	child := exec.Command("/bin/cat")
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	find := func() (Process, bool) {
		s, _ := table.Snapshot()
		for _, p := range s.Processes {
			if p.ID.PID == child.Process.Pid {
				return p, true
			}
		}
		return Process{}, false
	}
	var running Process
	require.Eventually(t, func() bool {
		p, ok := find()
		running = p
		return ok && p.Image.CommandLine == "/bin/cat"
	}, 5*time.Second, time.Millisecond)
	require.Equal(t, "cat", running.Image.Comm)

	require.NoError(t, stdin.Close())
	require.Eventually(t, func() bool { p, ok := find(); return ok && p.State == Zombie }, 5*time.Second, time.Millisecond)
	zombie, _ := find()
	require.Equal(t, running.ID, zombie.ID)
	require.Equal(t, "/bin/cat", zombie.Image.CommandLine)
	require.Zero(t, zombie.RSS)

	require.NoError(t, child.Wait())
	_, ok := find()
	require.False(t, ok)
	_, err = table.OpenFDs(running.ID)
	require.ErrorIs(t, err, ErrGone)
}

func TestProcessesThatComeAndGoLeaveNoTrace(t *testing.T) {
	table := open(t, "/")
	stop := make(chan struct{})
	var spawning sync.WaitGroup
	for range 2 {
		spawning.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = exec.Command("/bin/true").Run() // how it ends is of no interest
				}
			}
		})
	}
	seen, at := map[ID]bool{}, 0
	for n := 0; n < 50 || len(seen) < at+20; n++ {
		s, err := table.Snapshot()
		require.NoError(t, err)
		require.Equal(t, len(s.Processes), len(table.records))
		for _, p := range s.Processes {
			require.NotNil(t, p.Image)
			require.GreaterOrEqual(t, p.CPUUsed, time.Duration(0))
			require.LessOrEqual(t, p.CPUUsed, p.CPUTime)
			seen[p.ID] = true
			_, err := table.OpenFDs(p.ID)
			if err != nil {
				require.ErrorIs(t, err, ErrGone)
			}
		}
		if n == 0 {
			at = len(seen)
		}
	}
	close(stop)
	spawning.Wait()
}

func BenchmarkSnapshot(b *testing.B) {
	table := open(b, "/")
	s, err := table.Snapshot()
	if err != nil {
		b.Log(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, _ = table.Snapshot()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(s.Processes)), "ns/process")
}

func BenchmarkOpenFDs(b *testing.B) {
	table := open(b, "/")
	id := own(b, table).ID
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.OpenFDs(id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPSSOfThisProcess(b *testing.B) {
	table := open(b, "/")
	id := own(b, table).ID
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.PSS(id); err != nil {
			b.Fatal(err)
		}
	}
}
