//go:build !unix

package agentprocess

import (
	"strconv"
	"syscall"
)

// signalName returns the number of a signal: nothing is ended by one here.
func signalName(s syscall.Signal) string { return strconv.Itoa(int(s)) }
