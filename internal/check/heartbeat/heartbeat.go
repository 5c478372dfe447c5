// Package heartbeat judges agents by the signs of life that they send, instead of
// asking them: the way to watch what has no port, or works in bursts.
//
// A [Store] takes the beats, from a [Handler] or from whatever else sees the
// agent; a [Probe] judges those of one agent. It measures:
//
//	name           unit  kind   attributes  description
//	heartbeat.age  s     gauge              Time since the last heartbeat.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says whose heartbeats to judge, and by which measure.
type Settings struct {
	// Store takes the heartbeats. It is required, and shared by all probes.
	Store *Store
	// Name identifies the agent in the Store. It is required; a beat under a name
	// that no probe has is refused.
	Name string
	// Interval is the longest time between two heartbeats that is right, above
	// zero.
	Interval time.Duration
	// DeadAfter is how many intervals without a heartbeat make the verdict
	// Unhealthy, at least 1. Before that, one that is late makes it Degraded.
	DeadAfter int
	// WedgedAfter is how many heartbeats in a row with the same progress make the
	// verdict Unhealthy: the agent lives, but does not get on. Heartbeats without
	// progress never do. Zero is off.
	WedgedAfter int
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// DefaultSettings returns what suits agents that call in once a minute.
func DefaultSettings() Settings {
	return Settings{Interval: time.Minute, DeadAfter: 3, WedgedAfter: 5}
}

// Probe is a check.Probe for one agent. It is check.Stateful: the silence of an
// agent outlives a restart, but does not grow while nobody listens.
type Probe struct {
	settings Settings
	// start is when silence began to count without a heartbeat.
	start time.Time
}

// New returns a probe, and makes its name known to the Store.
func New(s Settings) (*Probe, error) {
	switch {
	case s.Store == nil:
		return nil, errors.New("there must be a store")
	case s.Name == "":
		return nil, errors.New("the name must not be empty")
	case s.Interval <= 0:
		return nil, fmt.Errorf("interval: want more than zero, got %s", s.Interval)
	case s.DeadAfter < 1:
		return nil, fmt.Errorf("dead after: want at least 1 interval, got %d", s.DeadAfter)
	case s.WedgedAfter < 0:
		return nil, fmt.Errorf("wedged after: want 0 or more heartbeats, got %d", s.WedgedAfter)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.Store.expect(s.Name)
	return &Probe{settings: s, start: s.Now()}, nil
}

// Run judges the heartbeats up to now. Its only step is beat.
//
// An agent from which nothing has come yet is Unknown until the first heartbeat is
// due.
func (p *Probe) Run(context.Context) (check.Result, error) {
	began := time.Now()
	life, now := p.settings.Store.life(p.settings.Name), p.settings.Now()
	r := p.judge(life, now)
	if life.beaten() {
		r.Measurements = []check.Measurement{{Name: "heartbeat.age", Value: max(now.Sub(life.last), 0).Seconds()}}
	}
	r.Steps = []check.Step{{Name: "beat", Duration: time.Since(began)}}
	return r, nil
}

func (p *Probe) judge(l life, now time.Time) check.Result {
	s := p.settings
	since, what := p.start, "no heartbeat yet, in %s of listening"
	if l.beaten() {
		since, what = l.last, "no heartbeat for %s"
	}
	silence := max(now.Sub(since), 0)
	quiet := fmt.Sprintf(what, silence.Round(time.Millisecond))
	dead := time.Duration(s.DeadAfter) * s.Interval
	switch {
	case silence > dead:
		return check.Result{State: check.Unhealthy, ErrorType: check.Timeout, Reason: fmt.Sprintf("dead: %s, more than %d times %s", quiet, s.DeadAfter, s.Interval)}
	case s.WedgedAfter > 0 && l.same >= s.WedgedAfter:
		return check.Result{State: check.Unhealthy, ErrorType: check.Assertion, Reason: fmt.Sprintf("wedged: the last %d heartbeats told of the same progress", l.same)}
	case silence > s.Interval:
		return check.Result{State: check.Degraded, ErrorType: check.Timeout, Reason: fmt.Sprintf("silent: %s, more than %s", quiet, s.Interval)}
	case !l.beaten():
		return check.Result{State: check.Unknown, ErrorType: check.Internal, Reason: fmt.Sprintf("%s; the first is due within %s", quiet, s.Interval)}
	default:
		return check.Result{State: check.Healthy}
	}
}
