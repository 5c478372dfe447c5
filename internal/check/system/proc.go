package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// errUnsupported says that the kernel does not measure something.
var errUnsupported = errors.New("the kernel does not measure it")

// procFolder is where /proc is mounted. Each file in it is read anew.
type procFolder string

// file returns a file, errUnsupported if there is none. That of pressure is there
// but refuses where the kernel was started with psi=0.
func (p procFolder) file(name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(string(p), name))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EOPNOTSUPP) {
		return nil, errUnsupported
	}
	return text, err
}

// load returns the load of the last five minutes a processor.
func (p procFolder) load(context.Context) (float64, error) {
	text, err := p.file("loadavg")
	if err != nil {
		return 0, err
	}
	all, err := parseLoad(string(text))
	if err != nil {
		return 0, err
	}
	stat, err := p.file("stat")
	if err != nil {
		return 0, err
	}
	return all / float64(max(processors(stat), 1)), nil
}

// openFiles returns how much of the limit of open files is used, in percent.
func (p procFolder) openFiles(context.Context) (float64, error) {
	text, err := p.file("sys/fs/file-nr")
	if err != nil {
		return 0, err
	}
	return parseFiles(string(text))
}

// pressure returns a function that reads one file of pressure.
func (p procFolder) pressure(resource string) func(context.Context) (float64, error) {
	return func(context.Context) (float64, error) {
		text, err := p.file("pressure/" + resource)
		if err != nil {
			return 0, err
		}
		return parsePressure(string(text))
	}
}

// parseLoad reads the second number of /proc/loadavg (proc(5)).
func parseLoad(text string) (float64, error) {
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return 0, fmt.Errorf("%.100q is no load", text)
	}
	return notNegative(fields[1])
}

// processors counts the lines of /proc/stat that are about one processor.
func processors(stat []byte) int {
	n := 0
	for line := range bytes.Lines(stat) {
		if rest, ok := bytes.CutPrefix(line, []byte("cpu")); ok && len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' {
			n++
		}
	}
	return n
}

// parseFiles reads /proc/sys/fs/file-nr: how many handles are allocated, how many
// of them are free, and how many there may be (proc(5)).
func parseFiles(text string) (float64, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return 0, fmt.Errorf("%.100q is no table of open files", text)
	}
	allocated, err := notNegative(fields[0])
	free, freeErr := notNegative(fields[1])
	limit, limitErr := notNegative(fields[2])
	if err := errors.Join(err, freeErr, limitErr); err != nil {
		return 0, err
	}
	if limit == 0 {
		return 0, errors.New("there may be no open files")
	}
	return min(100*max(allocated-free, 0)/limit, 100), nil
}

// parsePressure reads avg10 of the line "some" (Linux, Documentation/accounting/psi.rst).
func parsePressure(text string) (float64, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "some" {
			continue
		}
		if value, ok := strings.CutPrefix(fields[1], "avg10="); ok {
			share, err := notNegative(value)
			return min(share, 100), err
		}
	}
	return 0, fmt.Errorf("%.100q is no pressure", text)
}

func notNegative(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%.100q is no number that could be", text)
	}
	return n, nil
}
