//go:build unix

package agentprocess

import (
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalName returns the name of a signal as in signal(7), or its number.
func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return strconv.Itoa(int(s))
}
