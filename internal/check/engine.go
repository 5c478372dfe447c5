package check

import (
	"context"
	"errors"
	"fmt"
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
	// Probe is owned by the Engine from [New] on. If it is a [Closer], the Engine
	// closes it.
	Probe Probe
}

// Settings are what all checks of an Engine share.
type Settings struct {
	// MaxConcurrent is how many runs may be under way at once, at least one.
	// Abandoned runs do not count.
	MaxConcurrent int
	// OnTransition is called for the first verdict on each check and for each
	// change of its state, in the order of the verdicts on that check and
	// concurrently for different ones. The check's next run waits until it
	// returns. It may be nil.
	OnTransition func(Transition)
	// OnPanic is called when a probe panics, with the recovered value and the
	// stack. It may be nil.
	OnPanic func(name string, value any, stack []byte)
}

// Engine runs a fixed set of checks. Its methods may be called concurrently.
type Engine struct {
	runners []*runner
	slots   chan struct{}
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
	e := &Engine{slots: make(chan struct{}, settings.MaxConcurrent)}
	seen := make(map[string]bool, len(checks))
	for _, c := range checks {
		switch {
		case seen[c.Name]:
			return nil, fmt.Errorf("check %q: there are two of this name", c.Name)
		case c.Probe == nil:
			return nil, fmt.Errorf("check %q: no probe", c.Name)
		case c.Interval <= 0 || c.Timeout <= 0:
			return nil, fmt.Errorf("check %q: interval and timeout must be above zero, got %s and %s", c.Name, c.Interval, c.Timeout)
		}
		seen[c.Name] = true
		e.runners = append(e.runners, newRunner(c, settings))
	}
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
