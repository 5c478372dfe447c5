package proctable

import (
	"bytes"
	"math"
)

// parseOpenFilesLimit returns the soft limit of open files in /proc/PID/limits,
// described in proc_pid_limits(5). No limit is the largest number there is.
func parseOpenFilesLimit(b []byte) (uint64, error) {
	_, value, ok := bytes.Cut(b, []byte("\nMax open files "))
	if !ok {
		return 0, errMalformed
	}
	value, _, _ = bytes.Cut(bytes.TrimLeft(value, " "), []byte{' '})
	if string(value) == "unlimited" {
		return math.MaxUint64, nil
	}
	limit, ok := decimal(value)
	if !ok {
		return 0, errMalformed
	}
	return limit, nil
}
