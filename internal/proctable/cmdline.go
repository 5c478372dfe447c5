package proctable

import "bytes"

// maxCommandLine bounds what is kept of a command line, in bytes.
const maxCommandLine = 4096

// parseCommandLine turns /proc/PID/cmdline, arguments that each end in a NUL,
// into one line with spaces between, in place. A process may overwrite its
// arguments with a title that is filled up with NULs or spaces; these are dropped.
func parseCommandLine(b []byte) []byte {
	b = bytes.TrimRight(b[:min(len(b), maxCommandLine)], "\x00 ")
	for i, c := range b {
		if c == 0 {
			b[i] = ' '
		}
	}
	return b
}
