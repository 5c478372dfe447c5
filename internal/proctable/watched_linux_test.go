package proctable

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

// calls counts the reads of one process by the names of the files.
func calls(table *Table, pid int) map[string]int {
	n := map[string]int{}
	table.files.before = func(p int, file string) {
		if p == pid {
			n[file]++
		}
	}
	return n
}

func TestSnapshotReadsAheadWhatWasAskedFor(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{FDs: 3, ReadBytes: 1, WriteBytes: 2})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	id := got[7].ID
	table.Watch([]ID{id})

	snapshot(t, table)
	n := calls(table, 7)
	io, err := table.IO(id)
	require.NoError(t, err)
	require.Equal(t, IO{1, 2}, io)
	require.Equal(t, map[string]int{"io": 2, "stat": 2}, n, "opened and read, and proven to be its")
	_, err = table.IO(id)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"io": 2, "stat": 2}, n, "once is enough")

	tree.Write("proc/7/io", "rchar: 7\nread_bytes: 5\nwrite_bytes: 6\n")
	n = calls(table, 7)
	snapshot(t, table)
	require.Equal(t, map[string]int{"io": 2, "stat": 2}, n)
	io, err = table.IO(id)
	require.NoError(t, err)
	require.Equal(t, IO{5, 6}, io)
	require.Equal(t, map[string]int{"io": 2, "stat": 2}, n)
	fds, err := table.OpenFDs(id)
	require.NoError(t, err)
	require.Equal(t, 3, fds)

	snapshot(t, table)
	n = calls(table, 7)
	_, err = table.OpenFDs(id)
	require.NoError(t, err)
	require.Empty(t, n)
	snapshot(t, table)
	n = calls(table, 7)
	snapshot(t, table)
	require.Zero(t, n["io"], "nobody asked any more")

	table.Watch(nil)
	n = calls(table, 7)
	_, err = table.IO(id)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"io": 2, "stat": 2}, n)
}

func TestDiskTrafficNeverFalls(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{ReadBytes: 5, WriteBytes: 5})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	table.Watch([]ID{got[7].ID})
	for _, step := range []struct{ file, want IO }{{IO{5, 5}, IO{5, 5}}, {IO{4, 6}, IO{5, 6}}, {IO{7, 0}, IO{7, 6}}} {
		tree.Set(7, proctabletest.Process{ReadBytes: step.file.ReadBytes, WriteBytes: step.file.WriteBytes})
		snapshot(t, table)
		io, err := table.IO(got[7].ID)
		require.NoError(t, err)
		require.Equal(t, step.want, io)
	}
}

func TestDeniedDiskTrafficIsAFaultEachTime(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{ReadBytes: 5})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	table.Watch([]ID{got[7].ID})
	tree.Forbid(7, []string{"io"}, func() {
		for range 3 {
			_, err := table.IO(got[7].ID)
			require.EqualError(t, err, "process 7: reading io: permission denied")
			snapshot(t, table)
		}
	})
	snapshot(t, table)
	io, err := table.IO(got[7].ID)
	require.NoError(t, err)
	require.Equal(t, IO{ReadBytes: 5}, io)
	tree.Write("proc/7/io", "nonsense")
	for range 3 {
		snapshot(t, table)
		_, err = table.IO(got[7].ID)
		require.EqualError(t, err, "process 7: reading io: malformed")
	}
}

func TestOnlyKnownProcessesAreWatched(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{Start: 10})
	tree.Set(8, proctabletest.Process{Start: 10})
	table := open(t, tree.Root)
	snapshot(t, table)
	table.Watch([]ID{{7, 10}, {7, 10}, {8, 11}, {9, 10}})
	require.Equal(t, 1, table.watch.watched)
	table.Watch([]ID{{8, 10}, {7, 9}})
	require.Equal(t, 1, table.watch.watched)
	require.NotNil(t, table.records[8].watched)
	require.Nil(t, table.records[7].watched)
}

func TestKeptDescriptorsStayWithinTheBudget(t *testing.T) {
	pids := sleepers(t, 4)
	before := openFiles(t)
	table, err := Open("/")
	require.NoError(t, err)
	for _, c := range []struct{ budget, stats, kept int }{
		{0, 0, 0}, {3, 3, 3}, {4, 4, 4}, {5, 4, 5}, {100, 4, 16}, {7, 4, 7}, {2, 2, 2}, {-1, 0, 0}, {12, 4, 12},
	} {
		table.SetBudget(c.budget)
		var ids []ID
		for range 4 {
			ids = pass(t, table, pids, ids)
		}
		require.Len(t, ids, 4)
		require.Equal(t, c.stats, table.watch.stats, "budget %d", c.budget)
		require.Equal(t, c.kept, table.watch.kept, "budget %d", c.budget)
		require.Equal(t, before+1+c.kept, openFiles(t), "budget %d", c.budget)
	}
	end(t, pids)
	_, err = table.Snapshot()
	require.NoError(t, err)
	require.Zero(t, table.watch.kept)
	require.Zero(t, table.watch.stats)
	require.NoError(t, table.Close())
	require.LessOrEqual(t, openFiles(t), before)
}

func TestKeptDescriptorsGiveWay(t *testing.T) {
	pids := sleepers(t, 20)
	table := open(t, "/")
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	table.SetBudget(int(limit.Max))
	require.LessOrEqual(t, table.watch.budget, int(limit.Cur)/2)

	low := limit
	low.Cur = uint64(openFiles(t) + 15)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	var ids []ID
	for range 5 {
		ids = pass(t, table, pids, ids)
		require.Len(t, ids, 20)
	}
	require.LessOrEqual(t, table.watch.kept, 15)
	require.Positive(t, table.watch.kept)
	f, err := os.Open(os.DevNull)
	require.NoError(t, err, "others get theirs")
	require.NoError(t, f.Close())
}

func TestFilesOfACopyAreNotKept(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{})
	table := open(t, tree.Root)
	pass(t, table, map[int]*os.Process{7: {}}, nil)
	pass(t, table, map[int]*os.Process{7: {}}, nil)
	require.Zero(t, table.watch.kept)
}

func TestOwnDiskTrafficIsThatOfTheKernel(t *testing.T) {
	table := open(t, "/")
	id := own(t, table).ID
	table.Watch([]ID{id})
	before, err := table.IO(id)
	require.NoError(t, err)
	f, err := os.CreateTemp(".", "written-*") // not in a temporary directory: that may be in memory
	require.NoError(t, err)
	defer os.Remove(f.Name())
	defer f.Close()
	_, err = f.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	own(t, table)
	after, err := table.IO(id)
	require.NoError(t, err)
	require.GreaterOrEqual(t, after.WriteBytes-before.WriteBytes, uint64(1<<20))
}

func TestOwnDetails(t *testing.T) {
	t.Setenv("SET_TOO_LATE", "1")
	table := open(t, "/")
	id := own(t, table).ID
	names, err := table.EnvironNames(id)
	require.NoError(t, err)
	require.Contains(t, names, "PATH")
	require.NotContains(t, names, "SET_TOO_LATE")
	want, err := os.Getwd()
	require.NoError(t, err)
	got, err := table.WorkingDirectory(id)
	require.NoError(t, err)
	require.Equal(t, want, got)
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	for _, local := range []bool{true, false} { // by the system call and by the file
		table.local = local
		files, err := table.OpenFilesLimit(id)
		require.NoError(t, err)
		require.Equal(t, limit.Cur, files)
	}
	voluntary, involuntary, err := table.ContextSwitches(id)
	require.NoError(t, err)
	require.Positive(t, voluntary+involuntary)
	_, err = table.Cgroup(id)
	require.NoError(t, err)
}

func TestPageFaultsAndTimesOfAChild(t *testing.T) {
	child := exec.Command("/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo; read line")
	stdin, err := child.StdinPipe()
	require.NoError(t, err)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = stdout.Read(make([]byte, 1))
	require.NoError(t, err)
	table := open(t, "/")
	s, err := table.Snapshot()
	require.NoError(t, err)
	for _, p := range s.Processes {
		if p.ID.PID == child.Process.Pid {
			require.Positive(t, p.MinorFaults)
			require.Equal(t, p.UserTime+p.SystemTime, p.CPUTime)
			require.Zero(t, p.Used)
		}
	}
	require.NoError(t, stdin.Close())
	require.Error(t, child.Wait(), "read fails at the end of its input")
}

func TestResidentOfOneThatIsNotWatched(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{Pages: 3})
	table := open(t, tree.Root)
	got, _ := snapshot(t, table)
	for range 2 {
		rss, err := table.Resident(got[7].ID)
		require.NoError(t, err)
		require.Equal(t, 3*proctabletest.PageSize, rss)
	}
}

func TestDenialOfAnEndingProcessIsItsEnd(t *testing.T) {
	tree := proctabletest.New(t)
	for name, p := range map[string]proctabletest.Process{"zombie": {State: "Z"}, "exiting": {Flags: flagExiting}} {
		tree.Set(7, p)
		table := open(t, tree.Root)
		got, _ := snapshot(t, table)
		id := got[7].ID
		table.Watch([]ID{id})
		tree.Forbid(7, []string{"io", "environ"}, func() {
			for range 3 {
				_, err := table.IO(id)
				require.ErrorIs(t, err, ErrGone, name)
				_, err = table.EnvironNames(id)
				require.ErrorIs(t, err, ErrGone, name)
				snapshot(t, table)
			}
		})
	}
}
