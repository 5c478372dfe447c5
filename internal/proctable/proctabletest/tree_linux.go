// Package proctabletest builds a /proc for tests, so that what is read from it is
// known to the byte.
package proctabletest

import (
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
// written as such; a nil CommandLine is an empty file, an empty Executable and a
// zero PSS are missing ones.
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
	Arguments   uint64
	CommandLine []string
	Executable  string
	FDs         int
	PSS         int64 // kB
}

// New returns a tree without processes whose host was up for 1000 seconds and
// booted at second 1700000000.
func New(t testing.TB) *Tree {
	tree := &Tree{t: t, Root: t.TempDir()}
	tree.Write("proc/stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 1\n")
	tree.Uptime(1000)
	return tree
}

// Uptime sets the seconds since boot.
func (tree *Tree) Uptime(seconds float64) {
	tree.Write("proc/uptime", fmt.Sprintf("%.2f 0.00\n", seconds))
}

// Set writes the files of a process in place of those that it had.
func (tree *Tree) Set(pid int, p Process) {
	tree.Remove(pid)
	if p.Comm == "" {
		p.Comm = "worker"
	}
	if p.State == "" {
		p.State = "S"
	}
	tree.Write(file(pid, "stat"), fmt.Sprintf("%d (%s) %s %d 1 1 0 -1 %d 10 0 0 0 %d %d 0 0 20 0 %d 0 %d %d %d "+
		"18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 %d 0 0 0 0\n",
		pid, p.Comm, p.State, p.Parent, p.Flags, p.User, p.System, p.Threads, p.Start, p.VSize, p.Pages, p.Arguments))
	var line strings.Builder
	for _, argument := range p.CommandLine {
		line.WriteString(argument + "\x00")
	}
	tree.Write(file(pid, "cmdline"), line.String())
	if p.Executable != "" {
		require.NoError(tree.t, os.Symlink(p.Executable, tree.Path(file(pid, "exe"))))
	}
	require.NoError(tree.t, os.Mkdir(tree.Path(file(pid, "fd")), 0o755))
	for fd := range p.FDs {
		tree.Write(file(pid, filepath.Join("fd", strconv.Itoa(fd))), "")
	}
	if p.PSS != 0 {
		tree.Write(file(pid, "smaps_rollup"), fmt.Sprintf("55d0-7ffc ---p 00000000 00:00 0    [rollup]\n"+
			"Rss:    %10d kB\nPss:    %10d kB\nPss_Dirty:  112 kB\n", 2*p.PSS, p.PSS))
	}
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
