package proctable

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// none stands for a descriptor that is not there.
const none = -1

// watch is what the table does for the processes that it was told to watch.
type watch struct {
	round   uint64 // counts the calls of Watch
	watched int
	budget  int // of descriptors
	kept    int // descriptors
	stats   int // of them those of stat

	// A snapshot reads ahead what was asked for since the last one.
	io, fds, resident                bool
	askedIO, askedFDs, askedResident bool
}

// watched is what is known of a watched process beside its record.
type watched struct {
	round uint64 // the last that named it

	// Kept descriptors, that of the directory fd among them.
	stat, io, statm, fd int

	// What follows is of the pass with the number before it.
	ioPass       uint64
	total        IO // never falls
	ioErr        outcome
	resident     int64 // bytes
	residentPass uint64
	residentErr  outcome
	fdsPass      uint64
	fds          int
	fdsErr       outcome
}

// newlyWatched is one of which nothing is known or kept.
func newlyWatched() watched { return watched{stat: none, io: none, statm: none, fd: none} }

// outcome keeps the error of a read for as long as it is the same each time.
type outcome struct {
	errno syscall.Errno
	err   error
}

// Watch sets the processes that the caller asks about after each snapshot, in
// place of those set before. Call it after Snapshot, with processes of it; others
// are ignored. From then on a snapshot also reads what IO, Resident and OpenFDs
// were asked for since the one before, in one go with the rest: they return it at
// no cost.
func (t *Table) Watch(ids []ID) {
	t.watch.round++
	named := 0
	for _, id := range ids {
		r := t.records[id.PID]
		if r == nil || r.id != id {
			continue
		}
		if r.watched == nil {
			w := newlyWatched()
			r.watched = &w
			t.watch.watched++
		}
		if r.watched.round != t.watch.round {
			r.watched.round = t.watch.round
			named++
		}
	}
	if named == t.watch.watched {
		return
	}
	for _, r := range t.records {
		if r.watched != nil && r.watched.round != t.watch.round {
			t.unwatch(r)
		}
	}
}

func (t *Table) unwatch(r *record) {
	if r.watched != nil {
		t.shutKept(r.watched)
		r.watched = nil
		t.watch.watched--
	}
}

// readAhead reads what was asked for of a watched process. Whose it is is not
// known before its stat was read.
func (t *Table) readAhead(pid int, w *watched) {
	if t.watch.io {
		t.readIO(pid, w)
	}
	if t.watch.resident {
		t.readResident(pid, w)
	}
	if t.watch.fds {
		t.readFDs(pid, w)
	}
}

func (t *Table) readIO(pid int, w *watched) {
	var now IO
	var err error
	b, errno := t.bytesOf(pid, "io", w, &w.io)
	if errno == 0 {
		now, err = parseIO(b)
	}
	w.ioErr.set(pid, "io", errno, err)
	w.total.ReadBytes = max(w.total.ReadBytes, now.ReadBytes)
	w.total.WriteBytes = max(w.total.WriteBytes, now.WriteBytes)
	w.ioPass = t.passes
}

func (t *Table) readResident(pid int, w *watched) {
	var pages int64
	var err error
	b, errno := t.bytesOf(pid, "statm", w, &w.statm)
	if errno == 0 {
		pages, err = parseResident(b)
	}
	w.residentErr.set(pid, "statm", errno, err)
	w.resident = pages * t.pageSize
	w.residentPass = t.passes
}

// bytesOf reads a file of a process through its kept descriptor, if there is one,
// or opens it, and keeps it where there is room.
func (t *Table) bytesOf(pid int, name string, w *watched, kept *int) (b []byte, errno syscall.Errno) {
	fd := *kept
	if fd == none {
		if fd, errno = t.files.open(pid, name, unix.O_RDONLY); t.giveWay(errno) {
			fd, errno = t.files.open(pid, name, unix.O_RDONLY)
		}
		if errno != 0 {
			return nil, errno
		}
	}
	b, errno = t.files.read(pid, name, fd, t.buf)
	switch {
	case fd == *kept:
	case errno == 0 && t.room(w):
		*kept = fd
		t.watch.kept++
	default:
		shut(fd)
	}
	return b, errno
}

func (t *Table) readFDs(pid int, w *watched) {
	var errno syscall.Errno
	if t.sizedFDs {
		w.fds, errno = t.sizeOfFDs(pid, w)
	} else {
		w.fds, errno = t.listFDs(pid)
	}
	w.fdsErr.set(pid, "fd", errno, nil)
	w.fdsPass = t.passes
}

func (t *Table) sizeOfFDs(pid int, w *watched) (int, syscall.Errno) {
	if w.fd == none && t.room(w) {
		if fd, errno := t.files.open(pid, "fd", unix.O_PATH); errno == 0 {
			w.fd = fd
			t.watch.kept++
		}
	}
	var errno syscall.Errno
	if w.fd != none {
		errno = t.files.statOpen(pid, "fd", w.fd)
	} else {
		errno = t.files.stat(pid, "fd")
	}
	return int(t.files.info.Size), errno
}

// listFDs counts the open files of a process one by one.
func (t *Table) listFDs(pid int) (n int, errno syscall.Errno) {
	fd, errno := t.files.open(pid, "fd", unix.O_RDONLY)
	if errno != 0 {
		return 0, errno
	}
	defer shut(fd)
	err := names(fd, t.entries, func(entries []byte) {
		for name := range direntNames(entries) {
			if name[0] != '.' {
				n++
			}
		}
	})
	if err != nil {
		errno, _ = err.(syscall.Errno) //nolint:errorlint // the bare number of a system call
	}
	return n, errno
}

// excuse turns a denial into the end of the process, for one that is ending: its
// files are root's from then on, see task_dump_owner in the kernel's fs/proc/base.c.
func (o *outcome) excuse() {
	if o.errno == unix.EACCES || o.errno == unix.EPERM {
		*o = outcome{unix.ESRCH, ErrGone}
	}
}

func (o *outcome) set(pid int, file string, errno syscall.Errno, err error) {
	switch {
	case errno == 0 && err == nil:
		*o = outcome{}
	case gone(errno):
		*o = outcome{errno, ErrGone}
	case o.err == nil || o.errno != errno:
		if err == nil {
			err = errno
		}
		*o = outcome{errno, fmt.Errorf("process %d: reading %s: %w", pid, file, err)}
	}
}
