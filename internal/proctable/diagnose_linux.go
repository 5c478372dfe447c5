package proctable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// diagnosed bounds the processes that Diagnose tries.
const diagnosed = 512

// Diagnose lists what this process cannot see of the processes below <root>/proc,
// each thing on a line. It tries what a receiver does rather than guess from
// settings; only what the kernel tells of exits it takes from its version.
//
// The ptrace_scope of the Yama module is not among the causes: it keeps nobody
// from reading.
func Diagnose(root string) []Finding {
	table, err := Open(root)
	if err != nil {
		return []Finding{{"processes", err.Error(), "set the root path to where the host's / is mounted"}}
	}
	defer func() { _ = table.Close() }()
	var findings []Finding
	add := func(f Finding, missing bool) {
		if missing {
			findings = append(findings, f)
		}
	}
	add(Finding{"processes of other users", "they are hidden by the option hidepid of " + table.path,
		"run as a member of the group of its option gid, or give CAP_SYS_PTRACE"}, table.hides())
	for _, f := range table.denials() {
		add(f, true)
	}
	add(Finding{"open file counts", "the kernel does not tell the number of open files, so they are counted one by one",
		"use Linux 6.2 or newer, or leave the metric out"}, table.bound && !table.sizedFDs)
	for _, f := range exits(table) {
		add(f, true)
	}
	return findings
}

// hides says whether this /proc keeps processes from us. The first process of
// every namespace lives as long as the namespace does.
func (t *Table) hides() bool {
	_, errno := t.files.fetchOnce(1, "stat", t.line)
	return t.bound && errno != 0
}

// denials tries the files that need the right to trace a process. Kernel threads
// have none of what these tell.
func (t *Table) denials() (findings []Finding) {
	s, err := t.Snapshot()
	var faults Faults
	if err != nil && !errors.As(err, &faults) {
		return []Finding{{"processes", err.Error(), "see whether " + t.path + " is a proc file system"}}
	}
	tried := 0
	denied := map[string]int{}
	for _, p := range s.Processes {
		if p.VSize == 0 || tried == diagnosed {
			continue
		}
		tried++
		for name, try := range map[string]func(ID) error{
			"exe":          func(id ID) error { _, err := t.Executable(id); return err },
			"io":           func(id ID) error { _, err := t.IO(id); return err },
			"environ":      func(id ID) error { _, err := t.EnvironNames(id); return err },
			"smaps_rollup": t.mayMeasure,
		} {
			if errors.Is(try(p.ID), fs.ErrPermission) {
				denied[name]++
			}
		}
	}
	for _, c := range []struct{ file, capability string }{
		{"exe", "executables and working directories"},
		{"io", "disk traffic"},
		{"environ", "names of environment variables"},
		{"smaps_rollup", "proportional memory"},
	} {
		if n := denied[c.file]; n > 0 {
			findings = append(findings, Finding{c.capability,
				fmt.Sprintf("%s of %d of %d processes may not be read", c.file, n, tried),
				"run as their user, or give CAP_SYS_PTRACE (AmbientCapabilities= in a unit)"})
		}
	}
	return findings
}

// mayMeasure says whether the PSS of a process may be read, without the kernel's
// having to measure it.
func (t *Table) mayMeasure(id ID) error {
	fd, errno := t.files.open(id.PID, "smaps_rollup", unix.O_RDONLY)
	if errno != 0 {
		return errno
	}
	shut(fd)
	return nil
}

// exits tries what a Watcher needs.
func exits(t *Table) (findings []Finding) {
	w, err := NewWatcher(func(Exit) {}, WithRoot(filepath.Dir(t.path)))
	if err != nil {
		return []Finding{{"exits of processes", err.Error(), "share the pid namespace of the host (hostPID: true, --pid=host)"}}
	}
	_ = w.Close()
	if release := kernelRelease(); older(release, 6, 15) && os.Geteuid() != 0 {
		findings = append(findings, Finding{"exit codes",
			"Linux " + release + " tells them only to those who may trace the process", "use Linux 6.15 or newer, or give CAP_SYS_PTRACE"})
	}
	if !countsKills(filepath.Join(filepath.Dir(t.path), "sys/fs/cgroup")) {
		findings = append(findings, Finding{"kills for lack of memory",
			"the memory controller's counts are not below sys/fs/cgroup", "mount the cgroups of the host there"})
	}
	return findings
}

// countsKills says whether the cgroup of this process has a count of kills, or
// any one below the root of the hierarchy does: the root itself has none.
func countsKills(cgroups string) bool {
	for _, pattern := range []string{"memory/memory.oom_control", "*/memory.events", "memory.events"} {
		if found, err := filepath.Glob(filepath.Join(cgroups, pattern)); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}

func kernelRelease() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// older compares a release such as "6.1.0-13-amd64" with a version.
func older(release string, major, minor int) bool {
	var a, b int
	if n, err := fmt.Sscanf(strings.TrimSpace(release), "%d.%d", &a, &b); n != 2 || err != nil {
		return false
	}
	return a < major || a == major && b < minor
}
