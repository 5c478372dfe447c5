package proctable

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

// again runs this test once more in another process, with root telling it where
// its proc is, and says what came of it.
func again(t *testing.T, root string, attributes *syscall.SysProcAttr) {
	child := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	child.Dir = "/"
	child.Env = append(os.Environ(), "PROCTABLE_TEST_ROOT="+root)
	child.SysProcAttr = attributes
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

// inNamespace returns false in the process that go test started, after it has run
// the test in one that has a pid namespace, and a proc, of its own. That needs
// root, or a kernel that lets everybody make user namespaces.
func inNamespace(t *testing.T) bool {
	if os.Getenv("PROCTABLE_TEST_ROOT") == "" {
		attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
		if os.Geteuid() != 0 {
			attributes.Cloneflags |= syscall.CLONE_NEWUSER
			attributes.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			attributes.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		again(t, "/", attributes)
		return false
	}
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	require.NoError(t, unix.Mount("proc", "/proc", "proc", 0, ""))
	return true
}

// sleeperAs starts a process with a pid of our choice. extra open files and the
// time that it sleeps tell it from others. It returns nil if a thread of this
// process got the pid, which then is lost.
func sleeperAs(t *testing.T, pid, extra int, seconds string) *exec.Cmd {
	for {
		require.NoError(t, os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0))
		child := exec.Command("/bin/sleep", seconds)
		for range extra {
			child.ExtraFiles = append(child.ExtraFiles, os.Stdin)
		}
		require.NoError(t, child.Start())
		if child.Process.Pid == pid {
			return child
		}
		kill(t, child)
		if _, err := os.Stat("/proc/self/task/" + strconv.Itoa(pid)); err == nil {
			return nil
		}
	}
}

func kill(t *testing.T, child *exec.Cmd) {
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
}

// TestForcedReuseOfAPid gives a pid to another process ahead of each read in turn,
// with kept descriptors and without.
func TestForcedReuseOfAPid(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	w, exits := watcher(t)
	pid := 5000
	for _, budget := range []int{0, 1, 2000} {
		for n, more := 1, true; more; {
			first := sleeperAs(t, pid, 0, "1000001")
			if first == nil {
				pid++
				continue
			}
			switch reuseAt(t, w, exits, n, budget, first) {
			case reused:
				n++
			case lost:
				pid++
			case tooFew:
				require.Greater(t, n, 60, "there are more reads than that")
				more = false
			}
		}
	}
}

const (
	reused = iota
	lost   // the pid, to a thread
	tooFew // reads
)

// reuseAt reads a process that another takes the place of ahead of the nth read.
func reuseAt(t *testing.T, w *Watcher, exits chan Exit, n, budget int, first *exec.Cmd) (outcome int) {
	pid := first.Process.Pid
	table, err := Open("/")
	require.NoError(t, err)
	defer table.Close()
	table.SetBudget(budget)
	id, fds := settled(t, table, first)
	align(t, table, pid)
	require.NoError(t, w.Set([]ID{id}))
	time.Sleep(2 * tick) // start times have no finer grain

	outcome = tooFew
	var second *exec.Cmd
	reuse := func() {
		kill(t, first)
		second = sleeperAs(t, pid, 7, "1000002")
	}
	atRead(table, pid, n, func() { reuse(); outcome = reused })
	round(t, table, id, func(what string, value any) {
		p, ok := value.(Process)
		switch {
		case ok && p.ID == id:
			require.Equal(t, "/bin/sleep 1000001", p.Image.CommandLine, "reused ahead of read %d", n)
		case ok:
			require.NotNil(t, second)
			require.NotEqual(t, "/bin/sleep 1000001", p.Image.CommandLine, "reused ahead of read %d", n)
		case what == "fds":
			require.Equal(t, fds, value, "reused ahead of read %d", n)
		}
	})
	table.files.before = nil
	if outcome == tooFew {
		reuse()
	}
	e := next(t, exits)
	require.Equal(t, id, e.ID)
	require.Equal(t, syscall.SIGKILL, e.Signal)
	_, err = table.Snapshot()
	require.NoError(t, err)
	_, err = table.OpenFDs(id)
	require.ErrorIs(t, err, ErrGone)

	require.NoError(t, w.Set([]ID{id}))
	require.NoError(t, w.Set(nil))
	require.NoError(t, w.Set([]ID{id}), "only now does it look like one that was never watched")
	e = next(t, exits)
	require.Equal(t, Exit{ID: id, Time: e.Time}, e)
	require.NoError(t, w.Set(nil))
	if second == nil {
		return lost
	}
	later, _ := settled(t, table, second)
	require.NotEqual(t, id, later)
	kill(t, second)
	require.Empty(t, exits, "the other one was not to be watched")
	return outcome
}

// TestOtherUsersProcesses reads those of root as nobody, or those of everybody as
// whoever runs the tests.
func TestOtherUsersProcesses(t *testing.T) {
	root := os.Getenv("PROCTABLE_TEST_ROOT")
	if root == "" && os.Geteuid() == 0 {
		again(t, "/", nobody)
		return
	}
	table := open(t, "/")
	s, err := table.Snapshot()
	require.NoError(t, err)
	var other Process
	for _, p := range s.Processes {
		if p.ID.PID == 1 {
			other = p
		}
	}
	table.Watch([]ID{other.ID})
	for range 3 {
		_, err = table.Snapshot()
		require.NoError(t, err)
		_, err = table.IO(other.ID)
		require.EqualError(t, err, "process 1: reading io: permission denied")
		_, err := table.OpenFDs(other.ID)
		require.NoError(t, err)
		limit, err := table.OpenFilesLimit(other.ID)
		require.NoError(t, err, "the file tells what the call does not")
		require.Positive(t, limit)
	}
	_, err = table.EnvironNames(other.ID)
	require.EqualError(t, err, "process 1: reading environ: permission denied")
	_, err = table.WorkingDirectory(other.ID)
	require.EqualError(t, err, "process 1: reading cwd: permission denied")
	_, _, err = table.ContextSwitches(other.ID)
	require.NoError(t, err)
	_, err = table.Cgroup(other.ID)
	require.NoError(t, err)

	var capabilities []string
	for _, f := range Diagnose("/") {
		require.NotContains(t, f.String(), "\n")
		capabilities = append(capabilities, f.Capability)
	}
	require.Subset(t, capabilities, []string{"executables and working directories", "disk traffic",
		"names of environment variables", "proportional memory"})

	var faults Faults
	allocations := testing.AllocsPerRun(100, func() {
		_, err := table.IO(other.ID)
		faults.Add("io", err)
	})
	require.Zero(t, allocations, "what is denied is denied each time")
}

var nobody = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}

// TestHiddenProcesses mounts a proc with each setting of hidepid and reads it as
// nobody. Only root can; for others there is the tree of files.
func TestHiddenProcesses(t *testing.T) {
	if root := os.Getenv("PROCTABLE_TEST_ROOT"); root != "" {
		table := open(t, root)
		s, err := table.Snapshot()
		if filepath.Base(root) == "hidepid=1" {
			var faults Faults
			require.ErrorAs(t, err, &faults, "they are listed, but not to be read")
			require.Len(t, faults, 1)
			require.Equal(t, Permission, faults[0].Reason)
			require.Greater(t, faults[0].Count, 1)
		} else {
			require.NoError(t, err)
		}
		for _, p := range s.Processes {
			require.Equal(t, uint32(os.Geteuid()), p.Image.UID)
		}
		require.Equal(t, "processes of other users: they are hidden by the option hidepid of "+root+"/proc; "+
			"run as a member of the group of its option gid, or give CAP_SYS_PTRACE", Diagnose(root)[0].String())
		return
	}
	if os.Geteuid() != 0 {
		tree := proctabletest.New(t)
		tree.Set(1, proctabletest.Process{Comm: "init"})
		tree.Set(7, proctabletest.Process{Comm: "agent"})
		tree.Forbid(1, []string{"stat"}, func() {
			table := open(t, tree.Root)
			s, err := table.Snapshot()
			require.EqualError(t, err, "stat of 1 processes not read (permission), for example: reading 1/stat: permission denied")
			require.Len(t, s.Processes, 1)
		})
		return
	}
	base := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(base), 0o755))
	for _, option := range []string{"hidepid=1", "hidepid=2"} {
		root := filepath.Join(base, option)
		require.NoError(t, os.MkdirAll(root+"/proc", 0o755))
		require.NoError(t, unix.Mount("proc", root+"/proc", "proc", 0, option))
		t.Cleanup(func() { require.NoError(t, unix.Unmount(root+"/proc", 0)) })
		again(t, root, nobody)
	}
}
