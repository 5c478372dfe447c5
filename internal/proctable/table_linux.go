package proctable

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of times in /proc/PID/stat. The kernel converts them to 100 a
// second (USER_HZ) for every architecture that Go runs on, whatever its own
// frequency.
const tick = time.Second / 100

// refreshEvery is the number of snapshots after which an image is read again
// although nothing in stat says that it changed: a process may rewrite its
// arguments in place, change its user, or exec a program of the same name.
const refreshEvery = 16

// Table reads the processes below one /proc and remembers, between snapshots,
// what it needs of those that run: neither its memory nor its open files grow
// with the number of processes that ever ran. It is not safe for concurrent use.
type Table struct {
	proc     int // descriptor of the directory
	path     string
	pageSize int64
	booted   time.Time
	// sizedFDs says that the size of /proc/PID/fd is the number of open files, as
	// it is since Linux 6.2.
	sizedFDs bool

	passes  uint64
	uptime  time.Duration // at the last pass
	records map[int]*record
	pids    []int
	listed  []Process
	buf     []byte // of one file
	entries []byte // of one directory
}

// record is what outlives a snapshot of a process. Kept descriptors belong here
// too, once there are any.
type record struct {
	id    ID
	path  string // of stat, below proc
	pass  uint64 // last pass that reported it
	cpu   uint64 // in ticks
	image *Image
	sign  sign
}

// sign changes when a process executes another program. The kernel shows the
// address of the arguments only to those who may trace the process; the others
// have to make do with the rest.
type sign struct {
	unexeced  bool
	arguments uint64
}

// Open opens <root>/proc. Close releases it.
func Open(root string) (*Table, error) {
	path := filepath.Join(root, "proc")
	stat, err := os.ReadFile(filepath.Join(path, "stat"))
	if err != nil {
		return nil, fmt.Errorf("opening the process table: %w", err)
	}
	booted, err := parseBootTime(stat)
	if err != nil {
		return nil, fmt.Errorf("reading the boot time from %s/stat: %w", path, err)
	}
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &Table{
		proc:     fd,
		path:     path,
		pageSize: int64(os.Getpagesize()),
		booted:   booted,
		sizedFDs: countsOpenFiles(fd),
		records:  map[int]*record{},
		buf:      make([]byte, maxCommandLine),
		entries:  make([]byte, 64<<10),
	}, nil
}

// countsOpenFiles asks the running kernel about a directory whose count cannot
// be 0, our own; dir may be no procfs, or may not show us.
func countsOpenFiles(dir int) bool {
	var fs unix.Statfs_t
	var own unix.Stat_t
	return unix.Fstatfs(dir, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC &&
		unix.Stat("/proc/self/fd", &own) == nil && own.Size > 0
}

// Close releases the table, which must not be used afterwards.
func (t *Table) Close() error {
	return unix.Close(t.proc)
}

// StartTime returns the wall clock time at which a process started, as exact as
// the kernel's boot time: to a second, the same in every call.
func (t *Table) StartTime(id ID) time.Time {
	return t.booted.Add(duration(id.Start))
}

// Snapshot reads all processes once. The result is valid until the next call.
//
// An error of type Faults tells what is missing beside what was read: processes
// whose stat is unreadable are left out; an image that is unreadable is empty but
// for its Comm. With any other error there is no result, and the table is as if
// the call had not been made.
func (t *Table) Snapshot() (Snapshot, error) {
	b, err := read(t.proc, "uptime", t.buf)
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading %s/uptime: %w", t.path, err)
	}
	uptime, err := parseUptime(b)
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading %s/uptime: %w", t.path, err)
	}
	if err := t.list(); err != nil {
		return Snapshot{}, fmt.Errorf("listing %s: %w", t.path, err)
	}

	var faults Faults
	t.passes++
	t.listed = t.listed[:0]
	for _, pid := range t.pids {
		if p, ok := t.process(pid, &faults); ok {
			t.listed = append(t.listed, p)
		}
	}
	// A process that could not be read goes with those that ended: the next time,
	// the span that its processor time covers would not be that between passes.
	for pid, r := range t.records {
		if r.pass != t.passes {
			delete(t.records, pid)
		}
	}

	s := Snapshot{Processes: t.listed}
	if t.passes > 1 {
		s.Elapsed = max(0, uptime-t.uptime)
	}
	t.uptime = uptime
	return s, faults.Err()
}

func (t *Table) list() error {
	t.pids = t.pids[:0]
	if _, err := unix.Seek(t.proc, 0, io.SeekStart); err != nil {
		return err
	}
	return names(t.proc, t.entries, func(entries []byte) {
		for name := range direntNames(entries) {
			if pid, ok := decimal(name); ok && pid <= maxPID {
				t.pids = append(t.pids, int(pid))
			}
		}
	})
}

// process reads one process and brings its record up to date. It returns false
// for a process that ended meanwhile or that cannot be read.
func (t *Table) process(pid int, faults *Faults) (Process, bool) {
	r := t.records[pid]
	var path string
	if r != nil {
		path = r.path
	} else {
		path = strconv.Itoa(pid) + "/stat"
	}
	s, err := t.stat(t.proc, path)
	if err != nil {
		faults.Add("stat", err)
		return Process{}, false
	}

	p := Process{
		ID:      ID{PID: pid, Start: s.start},
		Parent:  s.parent,
		State:   stateOf(s.state),
		Threads: s.threads,
		RSS:     s.rssPages * t.pageSize,
		VSize:   s.vsize,
		CPUTime: duration(s.cpu),
	}
	if r == nil || r.id != p.ID {
		r = &record{id: p.ID, path: path}
		t.records[pid] = r
		p.CPUKnown = t.passes > 1 && duration(s.start) >= t.uptime
	} else {
		p.CPUKnown = true
	}
	if p.CPUKnown && s.cpu > r.cpu {
		p.CPUUsed = duration(s.cpu - r.cpu)
	}
	// The kernel scales user and system time to what the scheduler measured, and
	// has been seen to take a tick back. It must not be counted twice.
	r.cpu = max(r.cpu, s.cpu)

	if now := (sign{s.unexeced, s.arguments}); r.image == nil || t.stale(r, s, now) {
		r.sign = now
		err := t.refresh(r, string(s.comm))
		if errors.Is(err, ErrGone) {
			return Process{}, false
		}
		faults.Add("cmdline", err)
	}
	p.Image = r.image
	r.pass = t.passes
	return p, true
}

// stale tells whether the image of a process may have changed. Without memory
// there is nothing left to read: a zombie stays what it was.
func (t *Table) stale(r *record, s stat, now sign) bool {
	if s.vsize == 0 {
		return false
	}
	due := (t.passes+uint64(r.id.PID))%refreshEvery == 0
	return due || now != r.sign || r.image.Comm != string(s.comm)
}

// refresh reads the image of a process, and replaces the known one if they
// differ.
func (t *Table) refresh(r *record, comm string) error {
	fresh := Image{Comm: comm}
	err := t.within(r.id, func(dir int) error {
		// The owner of the directory is the effective user even when the process
		// may not be dumped: task_dump_owner in the kernel's fs/proc/base.c.
		var info unix.Stat_t
		if err := unix.Fstat(dir, &info); err != nil {
			return failed("owner", err)
		}
		fresh.UID = info.Uid
		b, err := read(dir, "cmdline", t.buf)
		if err == nil {
			fresh.CommandLine = parseCommandLine(b)
		}
		return err
	})
	if errors.Is(err, ErrGone) {
		return err
	}
	if r.image == nil || *r.image != fresh {
		r.image = &fresh
	}
	return err
}

// stat reads and parses a stat file. The comm of the result is valid until t.buf
// is used again.
func (t *Table) stat(dir int, path string) (stat, error) {
	b, err := read(dir, path, t.buf)
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(b)
	if err != nil {
		return stat{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return s, nil
}

// duration converts ticks, up to the 292 years that a Duration can hold.
func duration(ticks uint64) time.Duration {
	return time.Duration(min(ticks, math.MaxInt64/uint64(tick))) * tick
}
