package proctable

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenFDs returns the number of open file descriptors of a process, or ErrGone.
// Since Linux 6.2 this needs no right and takes no longer for many files; before,
// it needs the right to trace the process and takes about a microsecond a file.
func (t *Table) OpenFDs(id ID) (int, error) {
	n := 0
	err := t.within(id, func(dir int) error {
		if t.sizedFDs {
			var info unix.Stat_t
			if err := unix.Fstatat(dir, "fd", &info, 0); err != nil {
				return failed("fd", err)
			}
			n = int(info.Size)
			return nil
		}
		fd, err := openat(dir, "fd", unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil {
			return failed("fd", err)
		}
		defer func() { _ = unix.Close(fd) }()
		err = names(fd, t.entries, func(entries []byte) {
			for name := range direntNames(entries) {
				if name[0] != '.' {
					n++
				}
			}
		})
		if err != nil {
			return failed("fd", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// PSS returns the proportional set size of a process in bytes: its private
// memory and its share of what it shares with others. A process without memory,
// such as a zombie or a kernel thread, gives ErrGone.
//
// This needs the right to trace the process, and the kernel walks all its pages
// while the process cannot map memory: some 30 us for a tiny one, some 20 ms for
// each resident GiB. The caller has to keep it within bounds.
func (t *Table) PSS(id ID) (int64, error) {
	var pss int64
	err := t.within(id, func(dir int) error {
		b, err := read(dir, "smaps_rollup", t.buf)
		if err != nil {
			return err
		}
		if pss, err = parsePSS(b); err != nil {
			return fmt.Errorf("reading smaps_rollup: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return pss, nil
}

// Executable returns the path of the program that a process runs, as the process
// would see it, or ErrGone; a kernel thread gives ErrGone too. A program that was
// replaced while it runs keeps its path. This needs the right to trace the
// process.
func (t *Table) Executable(id ID) (string, error) {
	var path string
	err := t.within(id, func(dir int) error {
		n, err := unix.Readlinkat(dir, "exe", t.buf)
		if err != nil {
			return failed("exe", err)
		}
		path = strings.TrimSuffix(string(t.buf[:n]), " (deleted)")
		return nil
	})
	if err != nil {
		return "", err
	}
	return path, nil
}

// within calls do with a descriptor of the directory of a process. Whatever is
// read below it belongs to that process and to no other: the descriptor stays
// bound to it, and its start time is compared after it was opened.
func (t *Table) within(id ID, do func(dir int) error) error {
	dir, err := openat(t.proc, strconv.Itoa(id.PID), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return failed("directory", err)
	}
	defer func() { _ = unix.Close(dir) }()
	s, err := t.stat(dir, "stat")
	if err != nil {
		return err
	}
	if s.start != id.Start {
		return ErrGone
	}
	err = do(dir)
	if err != nil && !errors.Is(err, ErrGone) {
		return fmt.Errorf("process %d: %w", id.PID, err)
	}
	return err
}
