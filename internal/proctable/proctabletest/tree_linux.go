// Package proctabletest builds a /proc for tests, so that what is read from it is
// known to the byte.
package proctabletest

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// PageSize is the number of bytes that one page of Process.Pages stands for.
var PageSize = int64(os.Getpagesize())

// Tree is a root directory with a proc directory in it.
type Tree struct {
	t    testing.TB
	Root string
}

// Process is what the files of one process say. The zero value of a field is
// written as such; a nil CommandLine is an empty file, an empty Executable, an
// empty Directory and a zero PSS are missing ones.
type Process struct {
	Comm        string // "worker" when empty
	State       string // "S" when empty
	Parent      int
	Flags       uint64
	User        uint64 // ticks
	System      uint64 // ticks
	Threads     int
	Start       uint64 // ticks
	VSize       int64
	Pages       int64
	MinorFaults uint64
	MajorFaults uint64
	Arguments   uint64
	CommandLine []string
	Executable  string
	Directory   string
	FDs         int
	FDLimit     uint64
	PSS         int64 // kB
	SwapPSS     int64 // kB
	ReadBytes   uint64
	WriteBytes  uint64
	Voluntary   uint64   // context switches
	Involuntary uint64   // context switches
	Cgroup      string   // of version 2; "/" when empty
	Environ     []string // NAME=value
}

// New returns a tree without processes whose host was up for 1000 seconds and
// booted at second 1700000000.
func New(t testing.TB) *Tree {
	tree := &Tree{t: t, Root: t.TempDir()}
	tree.BootTime(1_700_000_000)
	tree.Uptime(1000)
	return tree
}

// Uptime sets the seconds since boot.
func (tree *Tree) Uptime(seconds float64) {
	tree.Write("proc/uptime", fmt.Sprintf("%.2f 0.00\n", seconds))
}

// BootTime sets the second of the wall clock in which the host booted.
func (tree *Tree) BootTime(second int64) {
	tree.Write("proc/stat", fmt.Sprintf("cpu  1 2 3\nbtime %d\nprocesses 1\n", second))
}

// Set writes the files of a process in place of those that it had.
func (tree *Tree) Set(pid int, p Process) {
	tree.Remove(pid)
	tree.SetBare(pid, p)
	for name, target := range map[string]string{"exe": p.Executable, "cwd": p.Directory} {
		if target != "" {
			require.NoError(tree.t, os.Symlink(target, tree.Path(file(pid, name))))
		}
	}
	tree.Write(file(pid, "io"), fmt.Sprintf("rchar: 7\nwchar: 7\nsyscr: 7\nsyscw: 7\nread_bytes: %d\nwrite_bytes: %d\n"+
		"cancelled_write_bytes: 7\n", p.ReadBytes, p.WriteBytes))
	tree.Write(file(pid, "statm"), fmt.Sprintf("%d %d 0 1 0 1 0\n", p.VSize/PageSize, p.Pages))
	tree.Write(file(pid, "status"), fmt.Sprintf("Name:\t%s\nUmask:\t0022\nvoluntary_ctxt_switches:\t%d\n"+
		"nonvoluntary_ctxt_switches:\t%d\n", strings.ReplaceAll(p.Comm, "\n", "\\n"), p.Voluntary, p.Involuntary))
	tree.Write(file(pid, "limits"), fmt.Sprintf("Limit                     Soft Limit           Hard Limit           Units     \n"+
		"Max cpu time              unlimited            unlimited            seconds   \n"+
		"Max open files            %-20d %-20d files     \n", p.FDLimit, p.FDLimit))
	tree.Write(file(pid, "cgroup"), "0::"+cmp.Or(p.Cgroup, "/")+"\n")
	tree.Write(file(pid, "environ"), strings.Join(append(p.Environ, ""), "\x00"))
	require.NoError(tree.t, os.Mkdir(tree.Path(file(pid, "fd")), 0o755))
	for fd := range p.FDs {
		tree.Write(file(pid, filepath.Join("fd", strconv.Itoa(fd))), "")
	}
	if p.PSS != 0 {
		tree.Write(file(pid, "smaps_rollup"), fmt.Sprintf("55d0-7ffc ---p 00000000 00:00 0    [rollup]\n"+
			"Rss:    %10d kB\nPss:    %10d kB\nPss_Dirty:  112 kB\nSwap:  999 kB\nSwapPss: %10d kB\nLocked: 0 kB\n",
			2*p.PSS, p.PSS, p.SwapPSS))
	}
}

// SetBare writes only the files that each process of a host is read by, stat and
// cmdline: enough for a crowd.
func (tree *Tree) SetBare(pid int, p Process) {
	if p.Comm == "" {
		p.Comm = "worker"
	}
	if p.State == "" {
		p.State = "S"
	}
	tree.Write(file(pid, "stat"), fmt.Sprintf("%d (%s) %s %d 1 1 0 -1 %d %d 0 %d 0 %d %d 0 0 20 0 %d 0 %d %d %d "+
		"18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 %d 0 0 0 0\n",
		pid, p.Comm, p.State, p.Parent, p.Flags, p.MinorFaults, p.MajorFaults, p.User, p.System, p.Threads, p.Start, p.VSize,
		p.Pages, p.Arguments))
	var line strings.Builder
	for _, argument := range p.CommandLine {
		line.WriteString(argument + "\x00")
	}
	tree.Write(file(pid, "cmdline"), line.String())
}

// Remove takes a process away.
func (tree *Tree) Remove(pid int) {
	require.NoError(tree.t, os.RemoveAll(tree.Path(file(pid, ""))))
}

// Write writes a file below the root, and the directories on the way.
func (tree *Tree) Write(path, content string) {
	require.NoError(tree.t, os.MkdirAll(filepath.Dir(tree.Path(path)), 0o755))
	require.NoError(tree.t, os.WriteFile(tree.Path(path), []byte(content), 0o644))
}

// Path returns where path below the root is.
func (tree *Tree) Path(path string) string { return filepath.Join(tree.Root, path) }

// Forbid takes all rights to files of a process away while do runs. Root, whom
// rights do not concern, is somebody else for that time.
func (tree *Tree) Forbid(pid int, names []string, do func()) {
	for _, name := range names {
		path := tree.Path(file(pid, name))
		info, err := os.Stat(path)
		require.NoError(tree.t, err)
		require.NoError(tree.t, os.Chmod(path, 0))
		defer func() { require.NoError(tree.t, os.Chmod(path, info.Mode().Perm())) }()
	}
	runtime.LockOSThread() // the file system user is one of the thread
	defer runtime.UnlockOSThread()
	const nobody = 65534
	before, err := unix.SetfsuidRetUid(nobody)
	require.NoError(tree.t, err)
	defer func() {
		_, err := unix.SetfsuidRetUid(before)
		require.NoError(tree.t, err)
	}()
	do()
}

func file(pid int, name string) string {
	return filepath.Join("proc", strconv.Itoa(pid), name)
}
