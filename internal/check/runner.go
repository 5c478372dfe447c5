package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// returnGrace is how long after its timeout a run may still return. A probe that
// honours its context returns within it and says how far it came, which is worth
// more at night than a bare "timeout".
const returnGrace = 250 * time.Millisecond

// runner runs one check: one run at a time, in time or abandoned.
type runner struct {
	check    Check
	settings Settings

	mu      sync.Mutex
	history history
	// stuck is an abandoned run that has not returned. While there is one, no
	// other is started: a driver that hangs holds one goroutine, not one a tick.
	stuck *attempt
	// skipped and abandoned count runs.
	skipped, abandoned uint64
}

func newRunner(c Check, s Settings) *runner {
	return &runner{check: c, settings: s, history: newHistory(c.Interval)}
}

func (r *runner) snapshot() Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.history.snapshot()
	s.Name, s.Type, s.Critical = r.check.Name, r.check.Type, r.check.Critical
	s.Skipped, s.Abandoned, s.Stuck = r.skipped, r.abandoned, r.stuck != nil
	return s
}

func (r *runner) loop(ctx context.Context, slots chan struct{}) {
	start := time.Now()
	places := newSchedule(r.check.Name, r.check.Interval)
	due := places.first
	timer := time.NewTimer(due)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		r.tick(ctx, slots)
		var skipped uint64
		due, skipped = places.next(due, time.Since(start))
		r.mu.Lock()
		r.skipped += skipped
		r.mu.Unlock()
		timer.Reset(due - time.Since(start))
	}
}

// tick brings about one verdict, unless the engine stops first.
func (r *runner) tick(ctx context.Context, slots chan struct{}) {
	if a := r.stillStuck(); a != nil {
		r.record(r.overdue(a))
		return
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return
	}
	a := r.begin(ctx)
	abandon := time.NewTimer(r.check.Timeout + returnGrace)
	defer abandon.Stop()
	var v verdict
	select {
	case v = <-a.done:
	case <-abandon.C:
		r.abandon(a)
		v = r.overdue(a)
	case <-ctx.Done():
		grace := time.NewTimer(stopGrace)
		defer grace.Stop()
		select {
		case <-a.done:
		case <-grace.C:
			r.abandon(a)
		}
	}
	<-slots
	// A run that was cut short by the engine says nothing about the target.
	if ctx.Err() == nil {
		r.record(v)
	}
}

// attempt is one call of a probe's Run, on its own goroutine.
type attempt struct {
	began time.Time
	done  chan verdict // takes the one verdict without blocking
}

func (r *runner) begin(ctx context.Context) *attempt {
	a := &attempt{began: time.Now(), done: make(chan verdict, 1)}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, r.check.Timeout)
		// This is what remains when Run ends its goroutine without a panic.
		v := verdict{reason: "the probe did not return", errorType: Internal}
		defer func() {
			if value := recover(); value != nil {
				v.reason = oneLine(fmt.Sprintf("the probe panicked: %v", value))
				if r.settings.OnPanic != nil {
					r.settings.OnPanic(r.check.Name, value, debug.Stack())
				}
			}
			cancel()
			v.duration = time.Since(a.began)
			a.done <- v
		}()
		result, err := r.check.Probe.Run(ctx)
		v = judge(result, err, ctx.Err(), r.check.Timeout)
	}()
	return a
}

func (r *runner) overdue(a *attempt) verdict {
	taken := time.Since(a.began)
	return verdict{
		state:     Unhealthy,
		errorType: Timeout,
		reason:    fmt.Sprintf("no answer for %s and the probe does not stop (timeout %s)", taken.Round(time.Millisecond), r.check.Timeout),
		duration:  taken,
	}
}

func (r *runner) abandon(a *attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stuck = a
	r.abandoned++
}

// stillStuck returns the abandoned run that has not returned, or nil. What a run
// found after it was abandoned is dropped: its verdict has been given.
func (r *runner) stillStuck() *attempt {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stuck != nil && len(r.stuck.done) > 0 {
		r.stuck = nil
	}
	return r.stuck
}

func (r *runner) record(v verdict) {
	now := time.Now()
	r.mu.Lock()
	news := r.history.add(v, now)
	previous := r.history.previous
	r.mu.Unlock()
	if !news || r.settings.OnTransition == nil {
		return
	}
	r.settings.OnTransition(Transition{
		Name: r.check.Name, Type: r.check.Type, Critical: r.check.Critical,
		State: v.state, Previous: previous,
		Reason: v.reason, ErrorType: v.errorType, Duration: v.duration, Time: now,
	})
}

// close closes the probe, if it wants to be closed, and waits for a bounded time.
// It comes after the loop. A probe is never closed in the middle of a run, so one
// whose last run was abandoned is closed if and when that run returns.
func (r *runner) close(ctx context.Context) error {
	stuck := r.stillStuck()
	closer, ok := r.check.Probe.(Closer)
	if !ok {
		closer = nothing{}
	}
	if stuck != nil {
		go func() {
			<-stuck.done
			_ = closed(closer)
		}()
		return fmt.Errorf("check %q: a run that was abandoned has not returned", r.check.Name)
	}
	result := make(chan error, 1)
	if !within(ctx, closeGrace, func() { result <- closed(closer) }) {
		return fmt.Errorf("check %q: closing the probe did not end", r.check.Name)
	}
	if err := <-result; err != nil {
		return fmt.Errorf("check %q: closing the probe: %w", r.check.Name, err)
	}
	return nil
}

func closed(c Closer) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return c.Close()
}

type nothing struct{}

func (nothing) Close() error { return nil }
