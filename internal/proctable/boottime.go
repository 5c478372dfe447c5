package proctable

import (
	"bytes"
	"time"
)

// parseBootTime returns the "btime" line of /proc/stat, the second in which the
// host booted.
func parseBootTime(b []byte) (time.Time, error) {
	_, value, ok := bytes.Cut(b, []byte("\nbtime "))
	if !ok {
		return time.Time{}, errMalformed
	}
	value, _, _ = bytes.Cut(value, []byte{'\n'})
	seconds, ok := decimal(value)
	if !ok || seconds > 1<<40 {
		return time.Time{}, errMalformed
	}
	return time.Unix(int64(seconds), 0), nil
}
