package proctable

import (
	"syscall"
	"time"
)

// Exit is the end of a watched process.
type Exit struct {
	ID ID
	// Time is when the watcher learnt of it, by the wall clock: a fraction of a
	// millisecond later on an idle host.
	Time time.Time
	// Code is what the process returned, and Signal what killed it; one of them is
	// 0. They have no meaning unless Known.
	Code   int
	Signal syscall.Signal
	// Known says that the kernel told how the process ended: see Watcher.
	Known bool
	// OOMKilled says that the kernel killed the process because memory ran out, in
	// its cgroup or on the host. It has no meaning unless OOMKnown.
	OOMKilled bool
	// OOMKnown says that the kills in the cgroup of the process could be read.
	OOMKnown bool
}
