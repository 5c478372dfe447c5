package proctable

import "bytes"

// parseResident reads the number of resident pages from /proc/PID/statm, its
// second field; see proc_pid_statm(5).
func parseResident(b []byte) (int64, error) {
	_, b, found := bytes.Cut(b, []byte{' '})
	field, _, more := bytes.Cut(b, []byte{' '})
	pages, ok := decimal(field)
	if !found || !more || !ok || pages > 1<<40 {
		return 0, errMalformed
	}
	return int64(pages), nil
}
