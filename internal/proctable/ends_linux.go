package proctable

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// run waits for the ends of processes and reports them.
func (w *Watcher) run() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 64)
	timeout := -1
	for {
		n, err := unix.EpollWait(w.epoll, events, timeout)
		if err != nil {
			n = 0 // EINTR: nothing else can befall a descriptor that is open
		}
		var exits []Exit
		exits, timeout = w.collect(events[:n])
		if timeout == stop {
			return
		}
		for _, exit := range exits {
			w.report(exit)
		}
	}
}

// stop is the timeout that ends the goroutine.
const stop = -2

// collect returns what there is to report after some events, and how many
// milliseconds to wait for more.
func (w *Watcher) collect(events []unix.EpollEvent) (exits []Exit, timeout int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, stop
	}
	now := time.Now()
	for _, event := range events {
		token := uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32
		if token == 0 {
			_, _ = unix.Read(w.wake, w.buf[:8])
			continue
		}
		if g := w.events[token]; g != nil {
			exits = w.end(exits, g, now, event.Events&unix.EPOLLHUP != 0)
		}
	}
	timeout = -1
	for g := range w.held {
		if left := g.until.Sub(now); left <= 0 {
			exits = w.end(exits, g, now, true)
		} else if ms := int(left.Milliseconds()) + 1; timeout < 0 || ms < timeout {
			timeout = ms
		}
	}
	exits, w.missed = append(exits, w.missed...), nil
	return exits, timeout
}

// end adds the exit of a process that is over, unless how it ended will be told
// when its parent asks. final says that nothing more will come.
func (w *Watcher) end(exits []Exit, g *guard, now time.Time, final bool) []Exit {
	status, known := reapedStatus(g.pidfd)
	if !known {
		status, known = zombieStatus(&w.files, g.id, w.buf)
	}
	if !known {
		status, known = reapedStatus(g.pidfd) // the parent may have asked in between
	}
	if !known && !final {
		if _, held := w.held[g]; !held {
			g.until = now.Add(statusGrace)
			w.held[g] = struct{}{}
		}
		return exits
	}
	exit := Exit{ID: g.id, Time: now, Known: known}
	switch {
	case !known:
	case status.Signaled():
		exit.Signal = status.Signal()
	default:
		exit.Code = status.ExitStatus()
	}
	if g.kills != nil {
		exit.OOMKilled, exit.OOMKnown = g.kills.explain(w.buf, !known || exit.Signal == syscall.SIGKILL)
	}
	w.silent[g.id] = w.round
	w.drop(g)
	return append(exits, exit)
}
