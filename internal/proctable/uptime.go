package proctable

import (
	"bytes"
	"time"
)

// parseUptime returns the first number of /proc/uptime: the time since boot,
// suspended time included, with two decimals.
func parseUptime(b []byte) (time.Duration, error) {
	number, _, _ := bytes.Cut(bytes.TrimSuffix(b, []byte{'\n'}), []byte{' '})
	whole, fraction, ok := bytes.Cut(number, []byte{'.'})
	if !ok || len(fraction) != 2 || len(whole) > 9 {
		return 0, errMalformed
	}
	seconds, ok1 := decimal(whole)
	hundredths, ok2 := decimal(fraction)
	if !ok1 || !ok2 {
		return 0, errMalformed
	}
	return time.Duration(seconds)*time.Second + time.Duration(hundredths)*10*time.Millisecond, nil
}
