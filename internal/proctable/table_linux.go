package proctable

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc/PID/stat. The kernel converts them to 100 a
// second (USER_HZ) for every architecture that Go runs on, whatever its own
// frequency.
const tick = time.Second / 100

// Table reads the processes below one /proc and remembers, between snapshots,
// what it needs of those that run: neither its memory nor its open files grow
// with the number of processes that ever ran. It is not safe for concurrent use.
type Table struct {
	files    procfs
	path     string
	pageSize int64
	clock    clock
	// bound says that the directory is a procfs, where an open file belongs to one
	// process for good, and not a copy of one.
	bound bool
	// sizedFDs says that the size of /proc/PID/fd is the number of open files, as
	// it is since Linux 6.2.
	sizedFDs bool
	// local says that a pid below this /proc means the same process to the system
	// calls that take one.
	local bool

	passes  uint64
	now     time.Duration // since boot, at the last pass
	records map[int]*record
	pids    []int
	listed  []Process
	watch   watch
	passing watched // of a process that is not watched, for one call
	faults  *Faults // of the pass that is under way

	line    []byte // of stat, from which a comm is taken
	buf     []byte // of any other file
	entries []byte // of one directory
}

// record is what outlives a snapshot of a process.
type record struct {
	id    ID
	pass  uint64 // last pass that reported it
	used  Usage  // since it started
	image *Image
	sign  sign
	// watched is nil for a process that is not watched.
	watched *watched
}

// Open opens <root>/proc. Close releases it.
func Open(root string) (*Table, error) {
	path := filepath.Join(root, "proc")
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("opening the process table: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	t := &Table{
		files:    procfs{dir: fd},
		path:     path,
		pageSize: int64(os.Getpagesize()),
		bound:    isProcfs(fd),
		local:    sharesPids(fd),
		records:  map[int]*record{},
		watch:    watch{budget: defaultBudget()},
		line:     make([]byte, 1024),
		buf:      make([]byte, maxCommandLine),
		entries:  make([]byte, 64<<10),
	}
	t.sizedFDs = t.bound && countsOpenFiles()
	t.clock = clock{dir: fd, bound: t.bound, buf: t.entries}
	if err := t.clock.readBootTime(); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("opening the process table: reading the boot time from %s/stat: %w", path, err)
	}
	return t, nil
}

// Close releases the table, which must not be used afterwards.
func (t *Table) Close() error {
	t.Watch(nil)
	return unix.Close(t.files.dir)
}

// StartTime returns the wall clock time at which a process started, as exact as
// the kernel's boot time: to a second, and the same in every call until somebody
// sets the clock.
func (t *Table) StartTime(id ID) time.Time {
	return t.clock.booted.Add(duration(id.Start))
}

// Snapshot reads all processes once. The result is valid until the next call.
//
// An error of type Faults tells what is missing beside what was read: processes
// whose stat is unreadable are left out; an image that is unreadable is empty but
// for its Comm. With any other error there is no result, and the table is as if
// the call had not been made.
func (t *Table) Snapshot() (Snapshot, error) {
	now, err := t.clock.sinceBoot()
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading %s/uptime: %w", t.path, err)
	}
	if err := t.list(); err != nil {
		return Snapshot{}, fmt.Errorf("listing %s: %w", t.path, err)
	}
	t.clock.follow()

	var faults Faults
	t.faults = &faults
	t.passes++
	t.watch.io, t.watch.askedIO = t.watch.askedIO, false
	t.watch.fds, t.watch.askedFDs = t.watch.askedFDs, false
	t.watch.resident, t.watch.askedResident = t.watch.askedResident, false
	t.listed = t.listed[:0]
	for _, pid := range t.pids {
		if p, ok := t.process(pid); ok {
			t.listed = append(t.listed, p)
		}
	}
	t.faults = nil
	t.forgetEnded()

	s := Snapshot{Processes: t.listed}
	if t.passes > 1 {
		s.Elapsed = max(0, now-t.now)
	}
	t.now = now
	return s, faults.Err()
}

func (t *Table) list() error {
	t.pids = t.pids[:0]
	if _, err := unix.Seek(t.files.dir, 0, io.SeekStart); err != nil {
		return err
	}
	return names(t.files.dir, t.entries, func(entries []byte) {
		for name := range direntNames(entries) {
			if pid, ok := decimal(name); ok && pid <= maxPID {
				t.pids = append(t.pids, int(pid))
			}
		}
	})
}

// forgetEnded drops the records of processes that the pass did not report. One
// that could not be read goes with those that ended: the next time, the span that
// its processor time covers would not be that between passes.
func (t *Table) forgetEnded() {
	if len(t.records) == len(t.listed) {
		return
	}
	for _, r := range t.records {
		if r.pass != t.passes {
			t.forget(r)
		}
	}
}

func (t *Table) forget(r *record) {
	t.unwatch(r)
	delete(t.records, r.id.PID)
}

// duration converts ticks, up to the 292 years that a Duration can hold.
func duration(ticks uint64) time.Duration {
	return time.Duration(min(ticks, math.MaxInt64/uint64(tick))) * tick
}
