// Package heartbeat judges agents by the signs of life that they send, instead of
// asking them: the way to watch what has no port, or works in bursts.
//
// A [Store] takes the signs, which are calls or telemetry, from a [Handler] or from
// whatever else sees the agent; a [Probe] judges those of one agent. It tells apart
// an agent that is [Dead], one that is [Silent], which lives and does not report, and
// one that is [Wedged], which reports and does not get on. It measures:
//
//	name                  unit        kind   attributes  description
//	heartbeat.age         s           gauge              Time since the last sign of life.
//	heartbeat.signal.age  s           gauge  signal      The same for each kind that has come.
//	heartbeat.work.age    s           gauge              Time since a span came that ended later than those before it.
//	heartbeat.instances   {instance}  gauge              Instances that telemetry has come from lately.
package heartbeat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says whose signs of life to judge, and by which measure.
type Settings struct {
	// Store takes the signs. It is required, and shared by all probes.
	Store *Store
	// Name identifies the agent in the Store. It is required; a call under a name that
	// no probe has is refused.
	Name string
	// Interval is the longest time between two signs of life that is right, above
	// zero.
	Interval time.Duration
	// DeadAfter is how many intervals without one make the verdict Unhealthy, at
	// least 1. Before that, one that is late makes it Degraded.
	DeadAfter int
	// WedgedAfter is how many calls in a row with the same progress make the verdict
	// Unhealthy: the agent lives, but does not get on. Calls without progress never
	// do. Zero is off.
	WedgedAfter int

	// Sender is whose telemetry counts. Without a Service, only calls do, and what
	// follows must not be set.
	Sender Sender
	// Expect is the kind of sign that must come in every interval; Any is satisfied
	// with one of them, calls included.
	Expect Sign
	// WorkInterval is the longest time between two spans that end that is right, for an
	// agent that always has something to do; zero is off. A span counts that ended
	// later than all before it of the same instance, by the clock of the sender, so
	// that neither an open span nor one that is sent again passes for work.
	WorkInterval time.Duration
	// MinInstances is how many instances must have been heard of within DeadAfter
	// intervals; with fewer, the verdict is Degraded. Zero is off.
	MinInstances int
	// MaxInstances is how many instances, told apart by service.instance.id, are
	// remembered, at least 1. One more is still a sign of life of the agent, and
	// counted in [Counts].
	MaxInstances int

	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// DefaultSettings returns what suits agents that call in once a minute.
func DefaultSettings() Settings {
	return Settings{Interval: time.Minute, DeadAfter: 3, WedgedAfter: 5, MaxInstances: 100}
}

// Probe is a check.Probe for one agent. It is check.Stateful: the silence of an
// agent outlives a restart, but does not grow while nobody listens.
type Probe struct {
	settings Settings
	// start is when silence began to count without a sign, and listening when this
	// life of the probe began.
	start, listening time.Time
}

// New returns a probe, and makes its agent known to the Store.
func New(s Settings) (*Probe, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	s.Store.expect(s)
	now := s.Now()
	return &Probe{settings: s, start: now, listening: now}, nil
}

func (s Settings) validate() error {
	switch {
	case s.Store == nil:
		return errors.New("there must be a store")
	case s.Name == "":
		return errors.New("the name must not be empty")
	case s.Interval <= 0:
		return fmt.Errorf("interval: want more than zero, got %s", s.Interval)
	case s.DeadAfter < 1:
		return fmt.Errorf("dead after: want at least 1 interval, got %d", s.DeadAfter)
	case s.WedgedAfter < 0:
		return fmt.Errorf("wedged after: want 0 or more heartbeats, got %d", s.WedgedAfter)
	case s.WorkInterval < 0:
		return fmt.Errorf("work interval: want 0 or more, got %s", s.WorkInterval)
	case s.Expect >= signs:
		return fmt.Errorf("expect: there is no sign %d", s.Expect)
	case s.Sender.Service == "" && (len(s.Sender.Attributes) > 0 || s.Expect > Call || s.WorkInterval > 0 || s.MinInstances > 0):
		return errors.New("the sender: telemetry can only be expected of a named service")
	case s.Sender.Service != "" && s.MaxInstances < 1:
		return fmt.Errorf("max instances: want at least 1, got %d", s.MaxInstances)
	case s.MinInstances < 0 || s.MinInstances > s.MaxInstances:
		return fmt.Errorf("min instances: want 0 to %d, the most that are remembered, got %d", s.MaxInstances, s.MinInstances)
	}
	return nil
}

// Run judges the signs up to now. Its only step is beat.
//
// An agent from which nothing has come yet is Unknown until the first sign is due.
func (p *Probe) Run(context.Context) (check.Result, error) {
	began := time.Now()
	life, now := p.settings.Store.life(p.settings.Name), p.settings.Now()
	r := p.judge(life, now)
	r.Measurements = p.measure(life, now)
	r.Steps = []check.Step{{Name: "beat", Duration: time.Since(began)}}
	return r, nil
}

func (p *Probe) measure(l life, now time.Time) (found []check.Measurement) {
	age := func(name string, at time.Time, attributes map[string]string) {
		if !at.IsZero() {
			found = append(found, check.Measurement{Name: name, Value: p.since(at, now).Seconds(), Attributes: attributes})
		}
	}
	_, last := l.latest()
	age("heartbeat.age", last, nil)
	for _, sign := range Signs {
		age("heartbeat.signal.age", l.last[sign], map[string]string{"signal": sign.String()})
	}
	age("heartbeat.work.age", l.worked, nil)
	if s := p.settings; s.Sender.Service != "" {
		found = append(found, check.Measurement{Name: "heartbeat.instances", Value: float64(s.Store.instances(s.Name, now))})
	}
	return found
}
