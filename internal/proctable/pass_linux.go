package proctable

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// process reads one process and brings its record up to date. It returns false
// for a process that ended meanwhile or that cannot be read.
//
// What is wanted of a known process beside its stat is read first: if the stat
// then shows the known start time, the pid was that process's all the while, and
// no second look is needed to tell whose the rest was.
func (t *Table) process(pid int) (Process, bool) {
	r := t.records[pid]
	var due bool
	var ahead image
	if r != nil {
		if r.watched != nil {
			t.readAhead(pid, r.watched)
		}
		// A process may rewrite its arguments in place, change its user, or exec a
		// program of the same name, and nothing in stat says so.
		if due = (t.passes+uint64(pid))%refreshEvery == 0; due {
			ahead = t.readImage(pid)
		}
	}

	fd, s, errno, err := t.openStat(r, pid)
	if errno != 0 || err != nil {
		t.faults.addStat(pid, errno, err)
		return Process{}, false
	}
	p := Process{
		ID:      ID{PID: pid, Start: s.start},
		Parent:  s.parent,
		State:   stateOf(s.state),
		Threads: s.threads,
		RSS:     s.rssPages * t.pageSize,
		VSize:   s.vsize,
	}
	// openStat may have found that the known process is gone.
	if r = t.records[pid]; r != nil && r.id != p.ID {
		t.forget(r)
		r = nil
	}
	if p.CPUKnown = r != nil; !p.CPUKnown {
		r = &record{id: p.ID}
		t.records[pid] = r
		due = false
		p.CPUKnown = t.passes > 1 && duration(s.start) >= t.now.Truncate(tick)
	}
	r.count(&p, s)

	// A process that is about to execute a program has no arguments for a moment.
	now, ok := sign{s.unexeced, s.arguments}, true
	switch {
	case r.image == nil, s.vsize != 0 && (now != r.sign || r.image.Comm != string(s.comm) || r.image.CommandLine == ""):
		ok = t.refresh(r, fd, s)
	case due && s.vsize != 0: // without memory there is nothing to read: a zombie stays what it was
		t.setImage(r, s.comm, ahead)
	}
	r.sign = now
	t.keepStat(r, fd)
	if !ok {
		return Process{}, false
	}
	if s.ending && r.watched != nil {
		r.watched.ioErr.excuse()
		r.watched.residentErr.excuse()
		r.watched.fdsErr.excuse()
	}
	p.Image = r.image
	r.pass = t.passes
	return p, true
}

// openStat reads stat through the kept descriptor of a watched process, or opens
// it. It returns the descriptor, which keepStat takes, unless there is an error.
func (t *Table) openStat(r *record, pid int) (fd int, s stat, errno syscall.Errno, err error) {
	if r != nil && r.watched != nil && r.watched.stat != none {
		fd = r.watched.stat
		b, errno := t.files.read(pid, "stat", fd, t.line)
		if errno == 0 {
			s, err = parseStat(b)
			return fd, s, 0, err
		}
		t.forget(r) // the descriptor outlived its process; the pid may be another's
	}
	if fd, errno = t.files.open(pid, "stat", unix.O_RDONLY); t.giveWay(errno) {
		fd, errno = t.files.open(pid, "stat", unix.O_RDONLY)
	}
	if errno != 0 {
		return none, s, errno, nil
	}
	b, errno := t.files.read(pid, "stat", fd, t.line)
	if errno == 0 {
		s, err = parseStat(b)
	}
	if errno != 0 || err != nil {
		shut(fd)
		return none, s, errno, err
	}
	return fd, s, 0, nil
}

// addStat counts a stat that could not be read.
func (f *Faults) addStat(pid int, errno syscall.Errno, err error) {
	if err == nil {
		if gone(errno) {
			return
		}
		err = errno
	}
	if !f.again("stat", reasonOf(err)) {
		f.Add("stat", fmt.Errorf("reading %d/stat: %w", pid, err))
	}
}

// count brings what a process has used up to date.
//
// The kernel scales user and system time to what the scheduler measured, and has
// been seen to take a tick back. It must not be counted twice, so nothing here
// ever falls.
func (r *record) count(p *Process, s stat) {
	total := Usage{
		UserTime:    max(r.used.UserTime, duration(s.user)),
		SystemTime:  max(r.used.SystemTime, duration(s.system)),
		MinorFaults: max(r.used.MinorFaults, s.minor),
		MajorFaults: max(r.used.MajorFaults, s.major),
	}
	if p.CPUKnown {
		p.Used = Usage{
			UserTime:    total.UserTime - r.used.UserTime,
			SystemTime:  total.SystemTime - r.used.SystemTime,
			MinorFaults: total.MinorFaults - r.used.MinorFaults,
			MajorFaults: total.MajorFaults - r.used.MajorFaults,
		}
		p.CPUUsed = p.Used.UserTime + p.Used.SystemTime
	}
	p.UserTime, p.SystemTime, p.CPUTime = total.UserTime, total.SystemTime, total.UserTime+total.SystemTime
	p.MinorFaults, p.MajorFaults = total.MinorFaults, total.MajorFaults
	r.used = total
}
