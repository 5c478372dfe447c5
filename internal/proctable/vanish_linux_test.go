package proctable

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

// align takes snapshots until the image of a process is due in the next but one.
func align(t *testing.T, table *Table, pid int) {
	for (table.passes+uint64(pid)+2)%refreshEvery != 0 {
		_, err := table.Snapshot()
		require.NoError(t, err)
	}
}

// rounds makes every read there is of a process, in passes of each kind: details
// are asked for the first time, they are read ahead and the image too, and again.
const rounds = 3

// round makes them, of a process that align was called for. seen gets what was
// told of it.
func round(t *testing.T, table *Table, id ID, seen func(what string, value any)) {
	for range rounds {
		s, err := table.Snapshot()
		require.NoError(t, err, "a process that is over is no fault")
		for _, p := range s.Processes {
			if p.ID.PID == id.PID {
				require.NotNil(t, p.Image)
				seen("process", p)
			}
		}
		table.Watch([]ID{id})
		for what, read := range map[string]func() (any, error){
			"fds":     func() (any, error) { return table.OpenFDs(id) },
			"io":      func() (any, error) { return table.IO(id) },
			"rss":     func() (any, error) { return table.Resident(id) },
			"pss":     func() (any, error) { return table.PSS(id) },
			"exe":     func() (any, error) { return table.Executable(id) },
			"cwd":     func() (any, error) { return table.WorkingDirectory(id) },
			"cgroup":  func() (any, error) { return table.Cgroup(id) },
			"environ": func() (any, error) { return table.EnvironNames(id) },
			"limit":   func() (any, error) { return table.OpenFilesLimit(id) },
			"status":  func() (any, error) { n, _, err := table.ContextSwitches(id); return n, err },
		} {
			value, err := read()
			if err != nil {
				require.ErrorIs(t, err, ErrGone, what)
				continue
			}
			seen(what, value)
		}
	}
}

// atRead calls do ahead of the nth read of a process from now on.
func atRead(table *Table, pid, n int, do func()) {
	reads := 0
	table.files.before = func(p int, _ string) {
		if p != pid {
			return
		}
		if reads++; reads == n {
			do()
		}
	}
}

func TestProcessThatVanishesBetweenAnyTwoReads(t *testing.T) {
	tree := proctabletest.New(t)
	whole := proctabletest.Process{
		Start: 10, VSize: 1, Pages: 2, FDs: 3, PSS: 64, Executable: "/bin/agent", Directory: "/srv", CommandLine: []string{"agent"},
		Environ: []string{"A=1"}, FDLimit: 1024, Voluntary: 5,
	}
	want := map[string]any{
		"fds": 3, "io": IO{}, "rss": 2 * proctabletest.PageSize, "pss": int64(65536), "exe": "/bin/agent", "cwd": "/srv", "cgroup": "/",
		"environ": []string{"A"}, "limit": uint64(1024), "status": uint64(5),
	}
	for n := 1; ; n++ {
		tree.Set(7, whole)
		table := open(t, tree.Root)
		got, _ := snapshot(t, table)
		align(t, table, 7)
		gone := false
		atRead(table, 7, n, func() { tree.Remove(7); gone = true })
		told := 0
		round(t, table, got[7].ID, func(what string, value any) {
			if what == "process" {
				require.Equal(t, "agent", value.(Process).Image.CommandLine)
				return
			}
			told++
			require.Equal(t, want[what], value, what)
		})
		table.files.before = nil
		snapshot(t, table)
		if !gone {
			require.Equal(t, len(want)*rounds, told)
			require.Greater(t, n, 60, "there are more reads than that")
			return
		}
		require.Empty(t, table.records)
	}
}

func TestPidThatIsReusedBetweenAnyTwoReads(t *testing.T) {
	tree := proctabletest.New(t)
	process := func(name string, start uint64, n int) proctabletest.Process {
		return proctabletest.Process{
			Start: start, VSize: 1, Pages: int64(n), FDs: n, PSS: int64(n), Executable: name, Directory: name, CommandLine: []string{name},
			Environ: []string{name + "=1"}, FDLimit: uint64(n), Voluntary: uint64(n), ReadBytes: uint64(n), Cgroup: name, User: uint64(n),
		}
	}
	first, second := process("/first", 10, 3), process("/second", 99_000, 5)
	want := map[string]any{
		"fds": 3, "io": IO{ReadBytes: 3}, "rss": 3 * proctabletest.PageSize, "pss": int64(3 << 10), "exe": "/first", "cwd": "/first", "cgroup": "/first",
		"environ": []string{"/first"}, "limit": uint64(3), "status": uint64(3),
	}
	for n := 1; ; n++ {
		tree.Set(7, first)
		table := open(t, tree.Root)
		snapshot(t, table)
		align(t, table, 7)
		reused := false
		atRead(table, 7, n, func() { tree.Set(7, second); reused = true })
		round(t, table, ID{7, 10}, func(what string, value any) {
			p, ok := value.(Process)
			switch {
			case !ok:
				require.Equal(t, want[what], value, "%s, reused ahead of read %d", what, n)
			case p.ID.Start == 10:
				require.Equal(t, "/first", p.Image.CommandLine, "reused ahead of read %d", n)
				require.Equal(t, 3*tick, p.CPUTime)
			default:
				require.True(t, reused)
				require.Equal(t, "/second", p.Image.CommandLine, "reused ahead of read %d", n)
				require.Equal(t, 5*tick, p.CPUTime)
				require.Less(t, p.CPUUsed, 5*tick)
			}
		})
		if !reused {
			return
		}
	}
}

// TestRealProcessThatVanishesBetweenAnyTwoReads does it to children, with kept
// descriptors and without.
func TestRealProcessThatVanishesBetweenAnyTwoReads(t *testing.T) {
	before := openFiles(t)
	for _, budget := range []int{0, 1, 2, 2000} {
		for n := 1; ; n++ {
			child := sleeper(t)
			table, err := Open("/")
			require.NoError(t, err)
			table.SetBudget(budget)
			id, fds := settled(t, table, child)
			align(t, table, id.PID)
			gone := false
			end := func() {
				gone = true
				require.NoError(t, child.Process.Kill())
				require.Error(t, child.Wait())
			}
			atRead(table, id.PID, n, end)
			round(t, table, id, func(what string, value any) {
				if p, ok := value.(Process); ok {
					require.Equal(t, "/bin/sleep 1000000", p.Image.CommandLine)
				} else if what == "fds" {
					require.Equal(t, fds, value)
				}
			})
			table.files.before = nil
			over := gone
			if !gone {
				end()
			}
			_, err = table.Snapshot()
			require.NoError(t, err)
			require.NotContains(t, table.records, id.PID)
			require.Zero(t, table.watch.kept)
			require.NoError(t, table.Close())
			if !over {
				require.Greater(t, n, 60, "there are more reads than that")
				break
			}
		}
	}
	require.LessOrEqual(t, openFiles(t), before)
}

// settled waits until a child runs its program and has nothing more to do.
func settled(t *testing.T, table *Table, child *exec.Cmd) (id ID, fds int) {
	for {
		s, err := table.Snapshot()
		require.NoError(t, err)
		for _, p := range s.Processes {
			if p.ID.PID != child.Process.Pid || p.Image.CommandLine != child.String() || p.State != Sleeping {
				continue
			}
			fds, err = table.OpenFDs(p.ID)
			require.NoError(t, err)
			return p.ID, fds
		}
	}
}

// openFiles counts the descriptors of this process.
func openFiles(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	n := 0
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= 0 {
			n++
		}
	}
	return n
}
