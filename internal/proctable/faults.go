package proctable

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
)

// ErrGone says that the process asked for is over. Its pid may belong to another
// process by now.
var ErrGone = errors.New("the process is gone")

// Reason classifies what kept a file from being read. The list is closed, because
// it becomes a metric attribute.
type Reason string

const (
	Permission Reason = "permission" // the reader lacks the right
	Parse      Reason = "parse"      // the file does not look as proc(5) says
	Exhausted  Reason = "exhausted"  // the reader is out of file descriptors or memory
	Other      Reason = "other"
)

// Fault counts the processes one of whose files could not be read.
type Fault struct {
	File   string // as in /proc/PID: stat, cmdline, fd …
	Reason Reason
	Count  int
	// Example is one of the errors behind the count.
	Example error
}

// Faults are the faults of one pass, in the order in which they first occurred.
// As an error it takes one line however many processes there are.
type Faults []Fault

// Add counts err for file. An absent error and ErrGone are no faults.
func (f *Faults) Add(file string, err error) {
	if err == nil || errors.Is(err, ErrGone) {
		return
	}
	if reason := reasonOf(err); !f.again(file, reason) {
		*f = append(*f, Fault{File: file, Reason: reason, Count: 1, Example: err})
	}
}

// again counts one more of a fault that is known, and returns false for one that
// is not. It spares making the error, of which there may be one a process.
func (f *Faults) again(file string, reason Reason) bool {
	for i := range *f {
		if known := &(*f)[i]; known.File == file && known.Reason == reason {
			known.Count++
			return true
		}
	}
	return false
}

// Err returns the faults as an error, nil when there are none.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// Error names each file, reason and count.
func (f Faults) Error() string {
	var b strings.Builder
	for i, fault := range f {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s of %d processes not read (%s), for example: %v", fault.File, fault.Count, fault.Reason, fault.Example)
	}
	return b.String()
}

// Unwrap gives the examples to errors.Is and errors.As.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, fault := range f {
		errs[i] = fault.Example
	}
	return errs
}

func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Permission
	case errors.Is(err, errMalformed):
		return Parse
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return Exhausted
	default:
		return Other
	}
}
