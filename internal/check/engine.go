package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// stopGrace is how long a run may take to notice that the engine stops.
	stopGrace = time.Second
	// closeGrace is how long closing the probes may take, all together.
	closeGrace = 5 * time.Second
)

// Check is one named question, asked again and again.
type Check struct {
	// Name identifies the check and places it in time. It is unique in an Engine.
	Name string
	// Type names the kind of probe, such as "postgres".
	Type string
	// Critical is passed on; it does not change how the check runs.
	Critical bool
	// Interval is the time from one run to the next, above zero. Runs that it
	// would start while an earlier one is still under way are skipped.
	Interval time.Duration
	// Timeout bounds one run, above zero. It counts from the moment at which the
	// run has a slot, and may exceed the interval.
	Timeout time.Duration
	// Host names the machine that is asked, if any; see
	// [Settings.MaxConcurrentPerHost].
	Host string
	// FailuresToUnhealthy is how many runs in a row must fail before the state is
	// Unhealthy. Until then it stays what it was. Zero means one.
	FailuresToUnhealthy int
	// SuccessesToHealthy is how many runs in a row must be better than the state,
	// Unhealthy or Degraded, before it improves. Zero means one.
	SuccessesToHealthy int
	// DependsOn names checks without which this one cannot succeed. While one of
	// them is Unhealthy, or one that those depend on, this check goes on being run
	// and measured, but its state is Unknown. When that is over, it stays Unknown up
	// to the end of the first run that began later.
	DependsOn []string
	// Limits are where measurements become failures; the forecast looks ahead to
	// them.
	Limits []Limit
	// Probe is owned by the Engine from [New] on. If it is a [Closer], the Engine
	// closes it.
	Probe Probe
}

// Settings are what all checks of an Engine share.
type Settings struct {
	// MaxConcurrent is how many runs may be under way at once, at least one.
	// Abandoned runs do not count. Checks whose last run took a second or more get
	// half of it at most.
	MaxConcurrent int
	// MaxConcurrentPerHost bounds the runs that ask one host at once in the same
	// way. Zero means no such bound.
	MaxConcurrentPerHost int
	// HistorySize is how many runs of each check are remembered, 16 bytes each; at
	// least 20 are.
	HistorySize int
	// OnTransition is called for the first state of each check and for each change
	// of it, in order for one check and concurrently for different ones. The next
	// run of the check, and of the one that caused it, waits until it returns. It
	// may be nil.
	OnTransition func(Transition)
	// OnNotice is called for each notice of a run, before the check's next run. It
	// may be nil.
	OnNotice func(Noticed)
	// OnPanic is called when a probe panics, with the recovered value and the
	// stack. It may be nil.
	OnPanic func(name string, value any, stack []byte)
}

// Engine runs a fixed set of checks. Its methods may be called concurrently.
type Engine struct {
	runners []*runner
	byName  map[string]*runner
	slots   *slots
	loops   sync.WaitGroup

	mu      sync.Mutex
	cancel  context.CancelFunc // nil before Start
	stopped bool
}

// New returns an Engine that does nothing until Start. It refuses settings that
// break what their comments ask for.
func New(checks []Check, settings Settings) (*Engine, error) {
	if settings.MaxConcurrent < 1 {
		return nil, fmt.Errorf("max concurrent runs must be at least 1, got %d", settings.MaxConcurrent)
	}
	e := &Engine{byName: make(map[string]*runner, len(checks)), slots: newSlots(checks, settings)}
	dependsOn := make(map[string][]string, len(checks))
	// The state of a check depends on that of others, so one lock guards them all.
	book := new(sync.Mutex)
	for _, c := range checks {
		switch {
		case e.byName[c.Name] != nil:
			return nil, fmt.Errorf("check %q: there are two of this name", c.Name)
		case c.Probe == nil:
			return nil, fmt.Errorf("check %q: no probe", c.Name)
		case c.Interval <= 0 || c.Timeout <= 0:
			return nil, fmt.Errorf("check %q: interval and timeout must be above zero, got %s and %s", c.Name, c.Interval, c.Timeout)
		case slices.ContainsFunc(c.Limits, func(l Limit) bool { return !(l.Value > 0) }):
			return nil, fmt.Errorf("check %q: limits must be above zero", c.Name)
		}
		dependsOn[c.Name] = c.DependsOn
		r := newRunner(c, settings, book)
		e.byName[c.Name] = r
		e.runners = append(e.runners, r)
	}
	if err := ValidateDependencies(dependsOn); err != nil {
		return nil, err
	}
	connect(e.runners)
	return e, nil
}

// Start begins to run the checks and returns at once. It does nothing when the
// Engine has been started or shut down before.
func (e *Engine) Start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cancel != nil || e.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	for _, r := range e.runners {
		e.loops.Go(func() { r.loop(ctx, e.slots) })
	}
}

// Snapshots returns what is known of each check now, in the order given to New.
func (e *Engine) Snapshots() []Snapshot {
	out := make([]Snapshot, len(e.runners))
	for i, r := range e.runners {
		out[i] = r.snapshot()
	}
	return out
}

// History returns the last runs of a check, the oldest first, and nil for one that
// is not known.
func (e *Engine) History(name string) []Run {
	r, ok := e.byName[name]
	if !ok {
		return nil
	}
	r.book.Lock()
	defer r.book.Unlock()
	kept := r.history.runsKept.list()
	out := make([]Run, len(kept))
	for i, k := range kept {
		out[i] = k.run()
	}
	return out
}

// Shutdown stops the checks and closes the probes, also when Start was never
// called. Runs under way are told to stop and say nothing more about their
// targets. It waits for a probe that does not stop for a few seconds, or until
// ctx is done, and names it in the error; no callback is made after a return
// without an error. Calls after the first do nothing.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	first := !e.stopped
	e.stopped = true
	if e.cancel != nil {
		e.cancel()
	}
	e.mu.Unlock()
	if !first {
		return nil
	}
	if !within(ctx, 2*stopGrace, e.loops.Wait) {
		return errors.New("stopping the checks: some are still waiting for a transition to be taken")
	}
	errs := make([]error, len(e.runners))
	var closing sync.WaitGroup
	for i, r := range e.runners {
		closing.Go(func() { errs[i] = r.close(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

// within reports whether f returned before ctx was done and d had passed. A
// function that did not is left to itself.
func within(ctx context.Context, d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
