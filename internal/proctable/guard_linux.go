package proctable

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// guard is one watched process.
type guard struct {
	id    ID
	pidfd int
	token uint64 // in its events; never used again, unlike the number of pidfd
	round uint64
	kills *oomKills // nil if its cgroup cannot be read
	// until is how long it is held.
	until time.Time
}

// add begins to watch a process.
func (w *Watcher) add(id ID) error {
	if len(w.guards) >= w.limit {
		return fmt.Errorf("watching more than %d processes: %w", w.limit, unix.EMFILE)
	}
	pidfd, err := unix.PidfdOpen(id.PID, 0)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // EINVAL: the pid is a thread's now
		w.miss(id)
		return nil
	case err != nil:
		return fmt.Errorf("process %d: opening a pidfd: %w", id.PID, err)
	}
	// The process had the pid once, so if it has it now the pidfd is its.
	b, errno := w.files.fetchOnce(id.PID, "stat", w.buf)
	s, err := parseStat(b)
	switch {
	case gone(errno), errno == 0 && err == nil && s.start != id.Start:
		shut(pidfd)
		w.miss(id)
		return nil
	case errno != 0:
		err = errno
		fallthrough
	case err != nil:
		shut(pidfd)
		return fmt.Errorf("process %d: reading stat: %w", id.PID, err)
	}
	w.token++
	g := &guard{id: id, pidfd: pidfd, token: w.token, round: w.round, kills: w.killsOf(id)}
	if err := w.await(pidfd, g.token); err != nil {
		w.unuse(g.kills)
		shut(pidfd)
		return fmt.Errorf("process %d: waiting for a pidfd: %w", id.PID, err)
	}
	w.guards[id], w.events[g.token] = g, g
	return nil
}

// miss notes the end of a process that nobody saw.
func (w *Watcher) miss(id ID) {
	w.missed = append(w.missed, Exit{ID: id, Time: time.Now()})
	w.silent[id] = w.round
}

// killsOf returns the count of the cgroup that a process is in.
func (w *Watcher) killsOf(id ID) *oomKills {
	b, errno := w.files.fetchOnce(id.PID, "cgroup", w.buf)
	if errno != 0 {
		return nil
	}
	c, err := parseCgroups(b)
	if err != nil {
		return nil
	}
	for _, file := range oomFiles(w.cgroups, c) {
		k := w.kills[file]
		if k == nil {
			n, err := readOOMKills(file, w.buf)
			if err != nil {
				continue
			}
			k = &oomKills{file: file, explained: n, last: n}
			w.kills[file] = k
		}
		k.users++
		return k
	}
	return nil
}

func (w *Watcher) unuse(k *oomKills) {
	if k == nil {
		return
	}
	if k.users--; k.users == 0 {
		delete(w.kills, k.file)
	}
}

// drop ends the watch of a process.
func (w *Watcher) drop(g *guard) {
	shut(g.pidfd) // which takes it out of the epoll set
	delete(w.guards, g.id)
	delete(w.events, g.token)
	delete(w.held, g)
	w.unuse(g.kills)
}
