//go:build !linux

package proctable

import (
	"errors"
	"time"
)

// Table reads the processes of a Linux host. There are none here.
type Table struct{}

// Open always fails: only Linux has the files that this package reads.
func Open(string) (*Table, error) {
	return nil, errors.New("the process table is read from /proc, which only Linux has")
}

func (*Table) Close() error                  { return nil }
func (*Table) StartTime(ID) time.Time        { return time.Time{} }
func (*Table) Snapshot() (Snapshot, error)   { return Snapshot{}, nil }
func (*Table) OpenFDs(ID) (int, error)       { return 0, ErrGone }
func (*Table) PSS(ID) (int64, error)         { return 0, ErrGone }
func (*Table) Executable(ID) (string, error) { return "", ErrGone }
