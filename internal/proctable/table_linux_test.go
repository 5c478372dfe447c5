package proctable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

func open(t testing.TB, root string) *Table {
	table, err := Open(root)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, table.Close()) })
	return table
}

// snapshot takes one that must succeed and indexes it by pid.
func snapshot(t testing.TB, table *Table) (map[int]Process, time.Duration) {
	s, err := table.Snapshot()
	require.NoError(t, err)
	byPID := map[int]Process{}
	for _, p := range s.Processes {
		byPID[p.ID.PID] = p
	}
	require.Len(t, byPID, len(s.Processes))
	return byPID, s.Elapsed
}

func TestSnapshotOfAProcess(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{
		Comm: "a) R 1 (", State: "D", Parent: 1, User: 100, System: 50, Threads: 3, Start: 90000, VSize: 8192, Pages: 2,
		MinorFaults: 40, MajorFaults: 3,
		CommandLine: []string{"python3", "-m", "agent"},
	})
	tree.Write("proc/sys/kernel/osrelease", "not a process")
	table := open(t, tree.Root)

	got, elapsed := snapshot(t, table)
	require.Zero(t, elapsed)
	image := got[7].Image
	require.Equal(t, Image{Comm: "a) R 1 (", CommandLine: "python3 -m agent", UID: image.UID}, *image)
	require.Equal(t, map[int]Process{7: {
		ID: ID{PID: 7, Start: 90000}, Image: image, Parent: 1, State: Blocked, Threads: 3,
		RSS: 2 * proctabletest.PageSize, VSize: 8192, UserTime: time.Second, SystemTime: 500 * time.Millisecond, CPUTime: 1500 * time.Millisecond,
		MinorFaults: 40, MajorFaults: 3,
	}}, got)
	require.Equal(t, time.Unix(1_700_000_900, 0), table.StartTime(got[7].ID))
}

func TestProcessorTimeIsMeasuredBetweenSnapshots(t *testing.T) {
	tree := proctabletest.New(t)
	old := proctabletest.Process{User: 1000, System: 500, Start: 10}
	tree.Set(7, old)
	table := open(t, tree.Root)
	first, _ := snapshot(t, table)
	require.False(t, first[7].CPUKnown)

	old.User, old.System = 1100, 550
	tree.Set(7, old)
	tree.Set(8, proctabletest.Process{User: 40, Start: 100_500})
	tree.Set(9, proctabletest.Process{User: 40, Start: 99_999})
	tree.Uptime(1010)
	second, elapsed := snapshot(t, table)
	require.Equal(t, 10*time.Second, elapsed)
	require.True(t, second[7].CPUKnown)
	require.Equal(t, 1500*time.Millisecond, second[7].CPUUsed)
	require.True(t, second[8].CPUKnown, "it started after the first snapshot")
	require.Equal(t, 400*time.Millisecond, second[8].CPUUsed)
	require.False(t, second[9].CPUKnown, "it ran before, unseen")
}

func TestProcessorTimeNeverRunsBackwards(t *testing.T) {
	tree := proctabletest.New(t)
	set := func(ticks uint64) { tree.Set(7, proctabletest.Process{User: ticks, Start: 10}) }
	set(100)
	table := open(t, tree.Root)
	snapshot(t, table)
	for _, step := range []struct {
		ticks uint64
		used  time.Duration
	}{{99, 0}, {101, 10 * time.Millisecond}, {101, 0}} {
		set(step.ticks)
		got, _ := snapshot(t, table)
		require.True(t, got[7].CPUKnown)
		require.Equal(t, step.used, got[7].CPUUsed, "at %d ticks", step.ticks)
	}
}

func TestReusedPidIsAnotherProcess(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{User: 5000, Start: 10, CommandLine: []string{"old"}})
	table := open(t, tree.Root)
	first, _ := snapshot(t, table)

	tree.Set(7, proctabletest.Process{User: 30, Start: 100_200, CommandLine: []string{"new"}})
	tree.Uptime(1005)
	second, _ := snapshot(t, table)
	require.NotEqual(t, first[7].ID, second[7].ID)
	require.Equal(t, "new", second[7].Image.CommandLine)
	require.True(t, second[7].CPUKnown)
	require.Equal(t, 300*time.Millisecond, second[7].CPUUsed)

	for name, read := range map[string]func(ID) error{
		"fds":        func(id ID) error { _, err := table.OpenFDs(id); return err },
		"pss":        func(id ID) error { _, err := table.PSS(id); return err },
		"rss":        func(id ID) error { _, err := table.Resident(id); return err },
		"io":         func(id ID) error { _, err := table.IO(id); return err },
		"switches":   func(id ID) error { _, _, err := table.ContextSwitches(id); return err },
		"limit":      func(id ID) error { _, err := table.OpenFilesLimit(id); return err },
		"cgroup":     func(id ID) error { _, err := table.Cgroup(id); return err },
		"environ":    func(id ID) error { _, err := table.EnvironNames(id); return err },
		"cwd":        func(id ID) error { _, err := table.WorkingDirectory(id); return err },
		"executable": func(id ID) error { _, err := table.Executable(id); return err },
	} {
		require.ErrorIs(t, read(first[7].ID), ErrGone, name)
	}
}

func TestImageIsReadAgainWhenTheProcessExecutesAnotherProgram(t *testing.T) {
	for name, exec := range map[string]func(*proctabletest.Process){
		"name":      func(p *proctabletest.Process) { p.Comm = "node" },
		"flag":      func(p *proctabletest.Process) { p.Flags = 0 },
		"arguments": func(p *proctabletest.Process) { p.Arguments = 0x7000 },
	} {
		t.Run(name, func(t *testing.T) {
			tree := proctabletest.New(t)
			p := proctabletest.Process{Flags: flagForkNoExec, VSize: 1, Arguments: 0x6000, CommandLine: []string{"shell"}}
			tree.Set(7, p)
			table := open(t, tree.Root)
			first, _ := snapshot(t, table)
			same, _ := snapshot(t, table)
			require.Same(t, first[7].Image, same[7].Image)

			p.CommandLine = []string{"server"}
			exec(&p)
			tree.Set(7, p)
			after, _ := snapshot(t, table)
			require.Equal(t, "server", after[7].Image.CommandLine)
			require.Equal(t, "shell", first[7].Image.CommandLine)
		})
	}
}

func TestMissingCommandLineIsLookedForInEachPass(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{VSize: 1})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	require.Empty(t, got[7].Image.CommandLine)
	tree.Write("proc/7/cmdline", "agent\x00")
	got, _ = snapshot(t, table)
	require.Equal(t, "agent", got[7].Image.CommandLine)
}

func TestTitleRewrittenInPlaceIsNoticedInTime(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{VSize: 1, CommandLine: []string{"before"}})
	table := open(t, tree.Root)
	snapshot(t, table)
	tree.Write("proc/7/cmdline", "after\x00")
	for range refreshEvery {
		got, _ := snapshot(t, table)
		if got[7].Image.CommandLine == "after" {
			return
		}
	}
	require.Fail(t, "the old title is still there")
}

func TestZombieStaysWhatItWas(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{VSize: 1, Pages: 1, Arguments: 0x6000, CommandLine: []string{"agent"}})
	table := open(t, tree.Root)
	snapshot(t, table)
	tree.Set(7, proctabletest.Process{State: "Z"})
	for range refreshEvery + 1 {
		got, _ := snapshot(t, table)
		require.Equal(t, Zombie, got[7].State)
		require.Equal(t, "agent", got[7].Image.CommandLine)
	}
}

func TestKernelThreadHasNoCommandLine(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(2, proctabletest.Process{Comm: "kworker/0:1-events", State: "I"})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	require.Equal(t, Idle, got[2].State)
	require.Equal(t, "kworker/0:1-events", got[2].Image.Comm)
	require.Empty(t, got[2].Image.CommandLine)
	_, err := table.Executable(got[2].ID)
	require.ErrorIs(t, err, ErrGone)
	_, err = table.PSS(got[2].ID)
	require.ErrorIs(t, err, ErrGone)
}

func TestEveryLetterHasAState(t *testing.T) {
	for letter, want := range map[byte]State{
		'R': Running, 'S': Sleeping, 'D': Blocked, 'I': Idle, 'T': Stopped, 't': Stopped, 'Z': Zombie, 'X': Unknown, 'P': Unknown,
	} {
		require.Equal(t, want, stateOf(letter))
	}
}

func TestVanishedProcessIsLeftOutInSilence(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{})
	tree.Set(8, proctabletest.Process{})
	tree.Remove(8)
	tree.Write("proc/8/other", "listed, but with nothing to read")
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	require.Len(t, got, 1)
	require.Contains(t, got, 7)
}

func TestUnreadableProcessesAreCountedBesideTheData(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{})
	tree.Set(8, proctabletest.Process{})
	tree.Set(9, proctabletest.Process{})
	tree.Write("proc/9/stat", "nonsense")
	table := open(t, tree.Root)
	tree.Forbid(8, []string{"stat"}, func() {
		s, err := table.Snapshot()
		require.Len(t, s.Processes, 1)
		require.EqualError(t, err, "stat of 1 processes not read (permission), for example: reading 8/stat: permission denied; "+
			"stat of 1 processes not read (parse), for example: reading 9/stat: malformed")
	})
	tree.Remove(9)
	got, _ := snapshot(t, table)
	require.False(t, got[8].CPUKnown, "the first reading must not count what was used before it")
}

func TestUnreadableCommandLineLeavesTheProcess(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{Comm: "agent", CommandLine: []string{"secret"}})
	table := open(t, tree.Root)
	tree.Forbid(7, []string{"cmdline"}, func() {
		s, err := table.Snapshot()
		require.EqualError(t, err, "cmdline of 1 processes not read (permission), for example: process 7: reading cmdline: permission denied")
		require.Equal(t, "agent", s.Processes[0].Image.Comm)
		require.Empty(t, s.Processes[0].Image.CommandLine)
	})
}

func TestNothingIsKeptOfProcessesThatEnded(t *testing.T) {
	tree := proctabletest.New(t)
	table := open(t, tree.Root)
	for pid := 1; pid <= 50; pid++ {
		tree.Set(pid, proctabletest.Process{})
		tree.Remove(pid - 1)
		snapshot(t, table)
		require.Len(t, table.records, 1)
	}
}

func TestDetailsOfAProcess(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{FDs: 300, PSS: 64, Executable: "/usr/bin/node (deleted)"})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	id := got[7].ID

	fds, err := table.OpenFDs(id)
	require.NoError(t, err)
	require.Equal(t, 300, fds)
	pss, err := table.PSS(id)
	require.NoError(t, err)
	require.Equal(t, int64(65536), pss)
	path, err := table.Executable(id)
	require.NoError(t, err)
	require.Equal(t, "/usr/bin/node", path)

	tree.Forbid(7, []string{"fd"}, func() {
		_, err := table.OpenFDs(id)
		require.EqualError(t, err, "process 7: reading fd: permission denied")
	})
	tree.Forbid(7, []string{"smaps_rollup"}, func() {
		_, err := table.PSS(id)
		require.EqualError(t, err, "process 7: reading smaps_rollup: permission denied")
	})
	tree.Write("proc/7/smaps_rollup", "nonsense")
	_, err = table.PSS(id)
	require.EqualError(t, err, "process 7: reading smaps_rollup: malformed")
	tree.Remove(7)
	_, err = table.OpenFDs(id)
	require.ErrorIs(t, err, ErrGone)
}

func TestFailedPassChangesNothing(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{User: 1})
	table := open(t, tree.Root)
	snapshot(t, table)
	tree.Write("proc/uptime", "broken")
	_, err := table.Snapshot()
	require.EqualError(t, err, "reading "+tree.Path("proc")+"/uptime: malformed")

	tree.Set(7, proctabletest.Process{User: 3})
	tree.Uptime(1020)
	got, elapsed := snapshot(t, table)
	require.Equal(t, 20*time.Second, elapsed)
	require.Equal(t, 20*time.Millisecond, got[7].CPUUsed)
}

func TestOpenWantsAProc(t *testing.T) {
	root := t.TempDir()
	_, err := Open(root)
	require.EqualError(t, err, "opening the process table: open "+root+"/proc: no such file or directory")
}
