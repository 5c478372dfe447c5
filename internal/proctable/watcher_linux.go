package proctable

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// statusGrace is how long the end of a process is held back for its parent to ask
// how it ended, if only that can tell us.
const statusGrace = 500 * time.Millisecond

// Watcher tells of the end of processes when they end, and not when somebody
// looks for them. It holds a descriptor of each, and one goroutine waits for all.
//
// How a process ended is known to those who may trace it, and to everybody since
// Linux 6.15 if its parent asks within half a second.
//
// Its methods are safe for concurrent use.
type Watcher struct {
	report  func(Exit)
	root    string
	cgroups string
	limit   int

	files procfs
	epoll int
	wake  int // eventfd
	done  chan struct{}

	mu     sync.Mutex
	closed bool
	round  uint64 // counts the calls of Set
	token  uint64 // the last one given
	guards map[ID]*guard
	events map[uint64]*guard // by token
	kills  map[string]*oomKills
	// missed ended before they could be watched.
	missed []Exit
	// held are over, but how is not known yet.
	held map[*guard]struct{}
	// silent are processes that were reported and that Set still names, with the
	// round of the last time.
	silent map[ID]uint64
	buf    []byte
}

// WatcherOption changes what NewWatcher assumes.
type WatcherOption func(*Watcher)

// WithRoot sets the directory whose proc and sys/fs/cgroup are those of the host;
// it is / without.
func WithRoot(root string) WatcherOption {
	return func(w *Watcher) { w.root, w.cgroups = root, filepath.Join(root, "sys/fs/cgroup") }
}

// WithCgroups sets where the cgroups are mounted, for a host that has them
// elsewhere. It goes behind WithRoot.
func WithCgroups(dir string) WatcherOption {
	return func(w *Watcher) { w.cgroups = dir }
}

// WithLimit sets how many processes are watched at most. Without, it is 4096 or a
// quarter of the files that this process may open, whichever is less.
func WithLimit(processes int) WatcherOption {
	return func(w *Watcher) { w.limit = processes }
}

// NewWatcher starts a watcher of no processes. It calls report once for each
// watched process that ends, one call at a time; report must not call the watcher.
//
// It fails if the pids below <root>/proc are not those of our own namespace: the
// kernel would watch others.
func NewWatcher(report func(Exit), options ...WatcherOption) (*Watcher, error) {
	w := &Watcher{
		report: report,
		limit:  2 * defaultBudget(),
		done:   make(chan struct{}),
		guards: map[ID]*guard{},
		events: map[uint64]*guard{},
		kills:  map[string]*oomKills{},
		held:   map[*guard]struct{}{},
		silent: map[ID]uint64{},
		buf:    make([]byte, 4096),
	}
	WithRoot("/")(w)
	for _, option := range options {
		option(w)
	}
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("watching processes: %w", err)
	}
	go w.run()
	return w, nil
}

func (w *Watcher) open() (err error) {
	path := filepath.Join(w.root, "proc")
	if w.files.dir, err = openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	w.epoll, w.wake = none, none
	defer func() {
		if err != nil {
			w.release()
		}
	}()
	if !sharesPids(w.files.dir) {
		return fmt.Errorf("the processes in %s are not those of this process's pid namespace", path)
	}
	probe, err := unix.PidfdOpen(unix.Getpid(), 0)
	if err != nil {
		return fmt.Errorf("opening a pidfd, which needs Linux 5.3: %w", err)
	}
	shut(probe)
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("making an epoll descriptor: %w", err)
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("making an event descriptor: %w", err)
	}
	return w.await(w.wake, 0)
}

// Set sets the processes to watch in place of those set before. Each is reported
// once, when it ends or, if it has ended already, at once; one that is left out
// while it runs is not reported at all.
//
// An error of type Faults tells how many could not be watched, those beyond the
// limit among them. The others are.
func (w *Watcher) Set(ids []ID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errors.New("watching processes: the watcher is closed")
	}
	w.round++
	var faults Faults
	for _, id := range ids {
		if g := w.guards[id]; g != nil {
			g.round = w.round
		} else if _, told := w.silent[id]; told {
			w.silent[id] = w.round
		} else if len(w.guards) < w.limit || !faults.again("pidfd", Exhausted) {
			faults.Add("pidfd", w.add(id))
		}
	}
	for _, g := range w.guards {
		// What is over already was left out because of that, and is reported still.
		if g.round != w.round && !ended(g.pidfd) {
			w.drop(g)
		}
	}
	for id, round := range w.silent {
		if round != w.round {
			delete(w.silent, id)
		}
	}
	for _, k := range w.kills {
		k.settle(w.buf)
	}
	if len(w.missed) > 0 {
		w.rouse()
	}
	return faults.Err()
}

// Close stops the watcher. There are no reports after it. It may be called twice.
func (w *Watcher) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	if first {
		w.rouse()
	}
	w.mu.Unlock()
	<-w.done
	if first {
		for _, g := range w.guards {
			w.drop(g)
		}
		w.release()
	}
	return nil
}

// await has the epoll set report a descriptor under a token, once for each change.
func (w *Watcher) await(fd int, token uint64) error {
	return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(uint32(token)), Pad: int32(uint32(token >> 32)),
	})
}

func (w *Watcher) rouse() {
	_, _ = unix.Write(w.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // fails only when it is roused 2^64 times over
}

func (w *Watcher) release() {
	for _, fd := range []int{w.epoll, w.wake, w.files.dir} {
		if fd != none {
			shut(fd)
		}
	}
}
