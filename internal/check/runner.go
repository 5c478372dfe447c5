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
	// above are the checks on which this one depends, and below those that depend on
	// it, in however many steps.
	above, below []*runner

	// publishing is held while a transition is handed over, so that those of one
	// check keep their order. It is taken before book.
	publishing sync.Mutex

	book     *sync.Mutex // shared by all runners of an engine
	standing standing
	history  history
	// unpublished holds transitions that nobody has been told of.
	unpublished []Transition
	// probeState is what a Stateful probe wants to keep.
	probeState []byte
	// stuck is an abandoned run that has not returned. While there is one, no
	// other is started: a driver that hangs holds one goroutine, not one a tick.
	stuck *attempt
	// skipped and abandoned count runs.
	skipped, abandoned uint64
}

func newRunner(c Check, s Settings, book *sync.Mutex) *runner {
	return &runner{check: c, settings: s, book: book, standing: newStanding(c), history: newHistory(c, s.HistorySize)}
}

func (r *runner) snapshot() Snapshot {
	r.book.Lock()
	defer r.book.Unlock()
	s := r.history.snapshot(time.Now())
	s.Name, s.Type, s.Critical = r.check.Name, r.check.Type, r.check.Critical
	s.State, s.Previous, s.Cause = r.standing.state, r.standing.previous, r.standing.cause
	s.Reason, s.ErrorType, s.Condition = r.standing.reason, r.standing.errorType, r.standing.condition
	s.Skipped, s.Abandoned, s.Stuck = r.skipped, r.abandoned, r.stuck != nil
	return s
}

func (r *runner) loop(ctx context.Context, slots *slots) {
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
		r.book.Lock()
		r.skipped += skipped
		r.book.Unlock()
		timer.Reset(due - time.Since(start))
	}
}

// tick brings about one verdict, unless the engine stops first.
func (r *runner) tick(ctx context.Context, slots *slots) {
	if a := r.stillStuck(); a != nil {
		r.record(r.overdue(a), a.began)
		return
	}
	release := slots.take(ctx, r.check.Host, r.slow())
	if release == nil {
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
	release()
	r.saveProbe()
	// A run that was cut short by the engine says nothing about the target.
	if ctx.Err() == nil {
		r.record(v, a.began)
	}
}

// slow reports whether the last run was.
func (r *runner) slow() bool {
	r.book.Lock()
	defer r.book.Unlock()
	return r.history.last.duration >= slowRun
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
	r.book.Lock()
	defer r.book.Unlock()
	r.stuck = a
	r.abandoned++
}

// stillStuck returns the abandoned run that has not returned, or nil. What a run
// found after it was abandoned is dropped: its verdict has been given.
func (r *runner) stillStuck() *attempt {
	r.book.Lock()
	defer r.book.Unlock()
	if r.stuck != nil && len(r.stuck.done) > 0 {
		r.stuck = nil
	}
	return r.stuck
}

// record takes the verdict of a run that began at began, and tells everybody whom
// it concerns.
func (r *runner) record(v verdict, began time.Time) {
	now := time.Now()
	r.book.Lock()
	r.history.add(v, now)
	concerned := r.advance(v, began, now)
	r.book.Unlock()
	for _, c := range concerned {
		c.publish()
	}
	if r.settings.OnNotice != nil {
		for _, n := range v.notices {
			r.settings.OnNotice(Noticed{Name: r.check.Name, Type: r.check.Type, Critical: r.check.Critical, Notice: n, Time: now})
		}
	}
}

// advance moves the state of this check, and of those below it, and returns those
// of which there is news. The caller holds the book.
func (r *runner) advance(v verdict, began, now time.Time) []*runner {
	var concerned []*runner
	was := r.standing.state
	first := !r.standing.judged
	if news, lifted := r.standing.take(v, began, r.blocker()); news {
		if r.standing.state != Healthy {
			lifted = ""
		}
		r.announce(lifted, first, v.duration, now)
		concerned = append(concerned, r)
	}
	fell, rose := was != Unhealthy && r.standing.state == Unhealthy, was == Unhealthy && r.standing.state != Unhealthy
	for _, b := range r.below {
		switch {
		case fell && b.standing.block(r.check.Name):
			b.announce("", false, v.duration, now)
			concerned = append(concerned, b)
		case rose && b.blocker() == "":
			b.standing.freed = now
		}
	}
	return concerned
}

// blocker names an unhealthy check on which this one depends. The caller holds the
// book.
func (r *runner) blocker() string {
	for _, a := range r.above {
		if a.standing.state == Unhealthy {
			return a.check.Name
		}
	}
	return ""
}

// announce queues the transition to the present state. The caller holds the book.
func (r *runner) announce(lifted string, first bool, took time.Duration, now time.Time) {
	if r.settings.OnTransition == nil {
		return
	}
	t := Transition{
		Name: r.check.Name, Type: r.check.Type, Critical: r.check.Critical,
		State: r.standing.state, Previous: r.standing.previous,
		Reason: r.standing.reason, ErrorType: r.standing.errorType, Condition: r.standing.condition,
		Cause: r.standing.cause, Duration: took, Time: now,
	}
	if lifted != "" {
		t.Cause = lifted
	}
	if t.Cause == "" && !first {
		t.Pattern = r.history.pattern(now)
	}
	r.unpublished = append(r.unpublished, t)
}

// publish hands the queued transitions over.
func (r *runner) publish() {
	r.publishing.Lock()
	defer r.publishing.Unlock()
	for {
		r.book.Lock()
		queued := r.unpublished
		r.unpublished = nil
		r.book.Unlock()
		if len(queued) == 0 {
			return
		}
		for _, t := range queued {
			r.settings.OnTransition(t)
		}
	}
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
			_ = guarded(closer.Close)
		}()
		return fmt.Errorf("check %q: a run that was abandoned has not returned", r.check.Name)
	}
	result := make(chan error, 1)
	if !within(ctx, closeGrace, func() { result <- guarded(closer.Close) }) {
		return fmt.Errorf("check %q: closing the probe did not end", r.check.Name)
	}
	if err := <-result; err != nil {
		return fmt.Errorf("check %q: closing the probe: %w", r.check.Name, err)
	}
	return nil
}

type nothing struct{}

func (nothing) Close() error { return nil }
