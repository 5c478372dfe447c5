package proctable

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// The methods of this file tell of one process of the last Snapshot, or return
// ErrGone if it is over. What they tell is never another's, though that may have
// got the pid meanwhile: each reads first and then looks whether the process still
// has the pid. It had it when the snapshot was taken, so it had it in between.

// OpenFDs returns the number of open file descriptors of a process, or ErrGone.
// Since Linux 6.2 this needs no right and takes no longer for many files; before,
// it needs the right to trace the process and takes about a microsecond a file.
// That of a watched process may be as old as the snapshot.
func (t *Table) OpenFDs(id ID) (int, error) {
	t.watch.askedFDs = true
	w := t.watchedOf(id)
	if w.fdsPass != t.passes {
		t.readFDs(id.PID, w)
		if err := t.believe(id, w.stat, &w.fdsErr); err != nil {
			return 0, err
		}
	}
	if w.fdsErr.err != nil {
		return 0, w.fdsErr.err
	}
	return w.fds, nil
}

// IO returns what a process made disks do, or ErrGone. This needs the right to
// trace the process. That of a watched process may be as old as the snapshot; as
// long as it stays watched, neither number falls.
func (t *Table) IO(id ID) (IO, error) {
	t.watch.askedIO = true
	w := t.watchedOf(id)
	if w.ioPass != t.passes {
		t.readIO(id.PID, w)
		if err := t.believe(id, w.stat, &w.ioErr); err != nil {
			return IO{}, err
		}
	}
	if w.ioErr.err != nil {
		return IO{}, w.ioErr.err
	}
	return w.total, nil
}

// Resident returns the resident memory of a process in bytes, or ErrGone. It is
// exact where that of a Snapshot is not: since Linux 6.2 every processor counts pages
// for itself, and stat shows only what they have handed in, while the statm of newer
// kernels adds up the rest. That of a watched process may be as old as the snapshot.
func (t *Table) Resident(id ID) (int64, error) {
	t.watch.askedResident = true
	w := t.watchedOf(id)
	if w.residentPass != t.passes {
		t.readResident(id.PID, w)
		if err := t.believe(id, w.stat, &w.residentErr); err != nil {
			return 0, err
		}
	}
	if w.residentErr.err != nil {
		return 0, w.residentErr.err
	}
	return w.resident, nil
}

// PSS returns the proportional set size of a process in bytes: its private memory
// and its share of what it shares with others, in memory and in swap. A process
// without memory, such as a zombie or a kernel thread, gives ErrGone.
//
// This needs the right to trace the process, and the kernel walks all its pages
// while the process cannot map memory: some 30 us for a tiny one, some 20 ms for
// each resident GiB. The caller has to keep it within bounds.
func (t *Table) PSS(id ID) (int64, error) {
	return detail(t, id, "smaps_rollup", parsePSS)
}

// ContextSwitches returns how often the main thread of a process left its
// processor, because it had to wait and because its time was up, or ErrGone. It
// takes three times as long as a stat.
func (t *Table) ContextSwitches(id ID) (voluntary, involuntary uint64, err error) {
	n, err := detail(t, id, "status", parseContextSwitches)
	return n.voluntary, n.involuntary, err
}

// OpenFilesLimit returns how many files a process may have open, or ErrGone.
// Without a limit that is the largest number there is.
func (t *Table) OpenFilesLimit(id ID) (uint64, error) {
	if t.local {
		var limit unix.Rlimit
		if unix.Prlimit(id.PID, unix.RLIMIT_NOFILE, nil, &limit) == nil {
			if err := t.believe(id, t.watchedOf(id).stat, &outcome{}); err != nil {
				return 0, err
			}
			return limit.Cur, nil
		}
	}
	// The pid may mean another process to the system call, or none; and the call
	// needs a right that the file does not.
	return detail(t, id, "limits", parseOpenFilesLimit)
}

// Cgroup returns the control group of a process, or ErrGone: its path in the
// hierarchy of version 2, or on a host that does not use it the longest of its
// paths in those of version 1.
func (t *Table) Cgroup(id ID) (string, error) {
	c, err := detail(t, id, "cgroup", parseCgroups)
	return c.path(), err
}

// EnvironNames returns the names of the variables that a process was started
// with, without their values, or ErrGone: up to 1024 names of up to 256 bytes from
// the first 64 KiB. This needs the right to trace the process.
func (t *Table) EnvironNames(id ID) ([]string, error) {
	return detail(t, id, "environ", parseEnvironNames)
}

// Executable returns the path of the program that a process runs, as the process
// would see it, or ErrGone; a kernel thread gives ErrGone too. A program that was
// replaced while it runs keeps its path. This needs the right to trace the
// process.
func (t *Table) Executable(id ID) (string, error) { return t.link(id, "exe") }

// WorkingDirectory returns the directory that a process is in, as the process
// would see it, or ErrGone. This needs the right to trace the process.
func (t *Table) WorkingDirectory(id ID) (string, error) { return t.link(id, "cwd") }

func (t *Table) link(id ID, name string) (string, error) {
	b, errno := t.files.link(id.PID, name, t.buf)
	path := string(bytes.TrimSuffix(b, []byte(" (deleted)")))
	var failed outcome
	failed.set(id.PID, name, errno, nil)
	if err := t.believe(id, t.watchedOf(id).stat, &failed); err != nil {
		return "", err
	}
	return path, failed.err
}

// detail reads and parses a file of a process. What is longer than a directory
// buffer is cut.
func detail[T any](t *Table, id ID, name string, parse func([]byte) (T, error)) (T, error) {
	var value, nothing T
	var failed outcome
	b, errno := t.files.fetchOnce(id.PID, name, t.entries)
	if t.giveWay(errno) {
		b, errno = t.files.fetchOnce(id.PID, name, t.entries)
	}
	var err error
	if errno == 0 {
		value, err = parse(b)
	}
	failed.set(id.PID, name, errno, err)
	if err := t.believe(id, t.watchedOf(id).stat, &failed); err != nil {
		return nothing, err
	}
	if failed.err != nil {
		return nothing, failed.err
	}
	return value, nil
}

// watchedOf returns what is known of a watched process, or room to read another
// into.
func (t *Table) watchedOf(id ID) *watched {
	if r := t.records[id.PID]; r != nil && r.id == id && r.watched != nil {
		return r.watched
	}
	t.passing = newlyWatched()
	before := t.passes - 1
	t.passing.ioPass, t.passing.residentPass, t.passing.fdsPass = before, before, before
	return &t.passing
}

// believe looks whether what was just read by the pid of a process was read of the
// process, and returns nil if so. Otherwise all that was read of it by its pid is
// dropped: that may be of the next one with it. stat is a kept descriptor, or none.
func (t *Table) believe(id ID, stat int, read *outcome) error {
	ending, errno := t.lives(id, stat)
	if errno == 0 {
		if ending {
			read.excuse()
		}
		return nil
	}
	if r := t.records[id.PID]; r != nil && r.id == id {
		t.unwatch(r)
	}
	var why outcome
	why.set(id.PID, "stat", errno, nil)
	return why.err
}
