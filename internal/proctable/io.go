package proctable

import "bytes"

// parseIO reads /proc/PID/io, described in proc_pid_io(5).
func parseIO(b []byte) (IO, error) {
	var io IO
	read, ok1 := lineValue(b, "\nread_bytes: ")
	write, ok2 := lineValue(b, "\nwrite_bytes: ")
	if !ok1 || !ok2 {
		return io, errMalformed
	}
	return IO{ReadBytes: read, WriteBytes: write}, nil
}

// lineValue returns the number between prefix and the next line break.
func lineValue(b []byte, prefix string) (uint64, bool) {
	i := bytes.Index(b, []byte(prefix))
	if i < 0 {
		return 0, false
	}
	b = b[i+len(prefix):]
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, false
	}
	return decimal(b[:end])
}
