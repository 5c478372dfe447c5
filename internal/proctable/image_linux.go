package proctable

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// refreshEvery is the number of snapshots after which an image is read again
// although nothing in stat says that it changed.
const refreshEvery = 16

// sign changes when a process executes another program. The kernel shows the
// address of the arguments only to those who may trace the process; the others
// have to make do with the rest.
type sign struct {
	unexeced  bool
	arguments uint64
}

// image is what was read for an Image, before it is known whose it is.
type image struct {
	uid   uint32
	line  []byte // in t.buf
	errno syscall.Errno
}

// readImage reads what of an image is not in stat.
func (t *Table) readImage(pid int) (i image) {
	// The owner of the directory is the effective user even when the process may
	// not be dumped: task_dump_owner in the kernel's fs/proc/base.c.
	if i.errno = t.files.stat(pid, ""); i.errno != 0 {
		return i
	}
	i.uid = t.files.info.Uid
	b, errno := t.files.fetchOnce(pid, "cmdline", t.buf)
	i.line, i.errno = parseCommandLine(b), errno
	return i
}

// refresh reads the image of a process whose stat was just read from fd. It
// returns false if the process is over.
func (t *Table) refresh(r *record, fd int, s stat) bool {
	read := t.readImage(r.id.PID)
	if gone(read.errno) {
		return false
	}
	if _, errno := t.lives(r.id, fd); errno != 0 {
		return false
	}
	t.setImage(r, s.comm, read)
	return true
}

// setImage replaces the known image of a process by what was read if they differ.
func (t *Table) setImage(r *record, comm []byte, read image) {
	if gone(read.errno) {
		return
	}
	if read.errno != 0 && !t.faults.again("cmdline", reasonOf(read.errno)) {
		t.faults.Add("cmdline", fmt.Errorf("process %d: reading cmdline: %w", r.id.PID, read.errno))
	}
	known := r.image
	if known != nil && known.UID == read.uid && known.Comm == string(comm) && known.CommandLine == string(read.line) {
		return
	}
	r.image = &Image{Comm: string(comm), CommandLine: string(read.line), UID: read.uid}
}

// lives returns 0 if a process is not over, nor its pid another's, and ESRCH if it
// is; ending says that it is about to be. fd is a stat that was opened and found to
// be its, or none. What was read by its pid before, after it was first seen, is
// then its as well.
func (t *Table) lives(id ID, fd int) (ending bool, errno syscall.Errno) {
	buf := t.entries[:1024]
	var b []byte
	if t.bound && fd != none {
		b, errno = t.files.read(id.PID, "stat", fd, buf)
	} else if b, errno = t.files.fetchOnce(id.PID, "stat", buf); t.giveWay(errno) {
		b, errno = t.files.fetchOnce(id.PID, "stat", buf)
	}
	if errno != 0 {
		return false, errno
	}
	s, err := parseStat(b)
	if err != nil || s.start != id.Start {
		return false, unix.ESRCH
	}
	return s.ending, 0
}
