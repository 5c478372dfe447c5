//go:build !linux

package proctable

import (
	"errors"
	"time"
)

var errNotLinux = errors.New("the process table is read from /proc, which only Linux has")

// Table reads the processes of a Linux host. There are none here.
type Table struct{}

// Open always fails: only Linux has the files that this package reads.
func Open(string) (*Table, error) { return nil, errNotLinux }

func (*Table) Close() error                               { return nil }
func (*Table) StartTime(ID) time.Time                     { return time.Time{} }
func (*Table) Snapshot() (Snapshot, error)                { return Snapshot{}, nil }
func (*Table) Watch([]ID)                                 {}
func (*Table) SetBudget(int)                              {}
func (*Table) OpenFDs(ID) (int, error)                    { return 0, ErrGone }
func (*Table) OpenFilesLimit(ID) (uint64, error)          { return 0, ErrGone }
func (*Table) IO(ID) (IO, error)                          { return IO{}, ErrGone }
func (*Table) ContextSwitches(ID) (uint64, uint64, error) { return 0, 0, ErrGone }
func (*Table) Resident(ID) (int64, error)                 { return 0, ErrGone }
func (*Table) PSS(ID) (int64, error)                      { return 0, ErrGone }
func (*Table) Executable(ID) (string, error)              { return "", ErrGone }
func (*Table) WorkingDirectory(ID) (string, error)        { return "", ErrGone }
func (*Table) Cgroup(ID) (string, error)                  { return "", ErrGone }
func (*Table) EnvironNames(ID) ([]string, error)          { return nil, ErrGone }

// Watcher tells of the end of processes. There are none here.
type Watcher struct{}

// WatcherOption changes what NewWatcher assumes.
type WatcherOption func(*Watcher)

// WithRoot has no effect.
func WithRoot(string) WatcherOption { return func(*Watcher) {} }

// WithCgroups has no effect.
func WithCgroups(string) WatcherOption { return func(*Watcher) {} }

// WithLimit has no effect.
func WithLimit(int) WatcherOption { return func(*Watcher) {} }

// NewWatcher always fails.
func NewWatcher(func(Exit), ...WatcherOption) (*Watcher, error) { return nil, errNotLinux }

func (*Watcher) Set([]ID) error { return nil }
func (*Watcher) Close() error   { return nil }

// Diagnose says that nothing can be read.
func Diagnose(string) []Finding {
	return []Finding{{"processes", "there is no /proc on this system", "run on Linux"}}
}
