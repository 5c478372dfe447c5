package proctable

import "time"

// ID tells a process from every other that this host runs until it boots again:
// the kernel gives a pid to a new process soon after the old one is gone, but
// never together with the same start time.
type ID struct {
	PID int
	// Start is the time from boot to the start of the process, in clock ticks.
	Start uint64
}

// Image is what a process runs. It is immutable and shared between snapshots: as
// long as the pointer is the same, so is everything in it. A successful exec
// gives the process a new one.
type Image struct {
	// Comm is the name that the kernel keeps, cut to 15 bytes for a user process.
	// A process may set it to any bytes, line breaks and brackets included. That
	// of a kernel thread is as when it was first seen.
	Comm string
	// CommandLine holds the arguments, the program first, joined by a space and
	// cut to 4096 bytes. It is empty for a kernel thread and for a process that
	// was a zombie when it was first seen.
	CommandLine string
	// UID is the effective user of the process.
	UID uint32
}

// Process is one process at the time of a snapshot.
type Process struct {
	ID    ID
	Image *Image
	// Parent is the pid of the parent, 0 for the first process of its namespace.
	Parent  int
	State   State
	Threads int
	// RSS and VSize are bytes of resident and of virtual memory.
	RSS, VSize int64
	// UserTime and SystemTime are the times on all processors, in the program and
	// in the kernel on its behalf, since the process started; CPUTime is their sum.
	// Children are not part of them.
	UserTime, SystemTime, CPUTime time.Duration
	// MinorFaults and MajorFaults count the page faults since the process started
	// that the kernel met from memory, and those that had to wait for a disk.
	MinorFaults, MajorFaults uint64
	// Used is what fell between the previous snapshot and this one. It has no
	// meaning unless CPUKnown.
	Used Usage
	// CPUUsed is the part of CPUTime in Used.
	CPUUsed time.Duration
	// CPUKnown says that the process was in the previous snapshot or started
	// after it. It is false throughout the first snapshot.
	CPUKnown bool
}

// Usage is what a process took of what the kernel counts in its stat. Nothing in
// it is ever negative, and the parts add up to the growth of the whole.
type Usage struct {
	UserTime, SystemTime     time.Duration
	MinorFaults, MajorFaults uint64
}

// IO is what a process made disks do since it started: what its reads and writes
// found in memory, or only left there, does not count until it goes to a disk.
type IO struct {
	ReadBytes, WriteBytes uint64
}

// Snapshot is one pass over the processes of a host.
type Snapshot struct {
	// Processes are in the order of the kernel, which is that of the pids.
	Processes []Process
	// Elapsed is the time since the previous snapshot, suspended time included,
	// to a hundredth of a second. It is 0 for the first.
	Elapsed time.Duration
}

// State says what a process was doing. The list is closed, because it becomes a
// metric attribute.
type State string

const (
	Running  State = "running"  // on a processor or waiting for one
	Sleeping State = "sleeping" // until something happens
	Blocked  State = "blocked"  // in the kernel, deaf to signals, most often waiting for a disk
	Idle     State = "idle"     // a kernel thread with nothing to do
	Stopped  State = "stopped"  // by a signal or a debugger
	Zombie   State = "zombie"   // over, but its parent has not asked how it ended
	Unknown  State = "unknown"  // a letter that proc_pid_stat(5) does not explain
)

// States lists every State.
var States = [...]State{Running, Sleeping, Blocked, Idle, Stopped, Zombie, Unknown}

// stateOf translates the letters of proc_pid_stat(5).
func stateOf(letter byte) State {
	switch letter {
	case 'R':
		return Running
	case 'S':
		return Sleeping
	case 'D':
		return Blocked
	case 'I':
		return Idle
	case 'T', 't':
		return Stopped
	case 'Z':
		return Zombie
	default:
		return Unknown
	}
}
