package heartbeat

import (
	"fmt"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// What ails an agent, as [check.Result] tells it in Condition.
const (
	// Dead: nothing has come for too long, neither a call nor telemetry.
	Dead = "dead"
	// Late: nothing has come for longer than is right.
	Late = "late"
	// Silent: there are signs of life, but not the expected one.
	Silent = "silent"
	// Wedged: there are signs of life, but the work does not get on.
	Wedged = "wedged"
	// Missing: fewer instances than there should be are alive.
	Missing = "missing"
)

func ill(state check.State, kind check.ErrorType, condition, reason string, args ...any) check.Result {
	return check.Result{State: state, ErrorType: kind, Condition: condition, Reason: condition + ": " + fmt.Sprintf(reason, args...)}
}

// judge says what the signs up to now mean. The gravest comes first: nothing at all,
// then work that stands still, then the expected sign that stays away.
func (p *Probe) judge(l life, now time.Time) check.Result {
	s := p.settings
	sign, last := l.latest()
	silence := p.since(last, now)
	quiet := fmt.Sprintf(p.nothing(sign != Any), rounded(silence))
	expected := silence
	if s.Expect != Any {
		expected = p.since(l.last[s.Expect], now)
	}
	dead := time.Duration(s.DeadAfter) * s.Interval
	idle := p.since(l.worked, now)
	switch {
	case silence > dead:
		return ill(check.Unhealthy, check.Timeout, Dead, "%s, more than %d times %s", quiet, s.DeadAfter, s.Interval)
	case s.WedgedAfter > 0 && l.same >= s.WedgedAfter:
		return ill(check.Unhealthy, check.Assertion, Wedged, "the last %d heartbeats told of the same progress", l.same)
	case s.WorkInterval > 0 && idle > s.WorkInterval && sign != Any:
		return ill(check.Unhealthy, check.Assertion, Wedged, "%s, but no new span has ended for %s, more than %s", coming[sign], rounded(idle), s.WorkInterval)
	case expected > dead && sign != Any:
		return ill(check.Unhealthy, check.Timeout, Silent, "%s, but no %s for %s, more than %d times %s", coming[sign], s.Expect, rounded(expected), s.DeadAfter, s.Interval)
	case silence > s.Interval:
		return ill(check.Degraded, check.Timeout, Late, "%s, more than %s", quiet, s.Interval)
	case sign == Any:
		return check.Result{State: check.Unknown, ErrorType: check.Internal, Reason: fmt.Sprintf("%s; the first is due within %s", quiet, s.Interval)}
	case expected > s.Interval:
		return ill(check.Degraded, check.Timeout, Silent, "%s, but no %s for %s, more than %s", coming[sign], s.Expect, rounded(expected), s.Interval)
	}
	return p.count(now)
}

// count judges how many instances are alive. After a start, those that are well have
// one interval to show it.
func (p *Probe) count(now time.Time) check.Result {
	s := p.settings
	if got := s.Store.instances(s.Name, now); got < s.MinInstances && now.Sub(p.listening) > s.Interval {
		return ill(check.Degraded, check.Assertion, Missing, "%d of at least %d instances were heard of within %s", got, s.MinInstances, time.Duration(s.DeadAfter)*s.Interval)
	}
	return check.Result{State: check.Healthy}
}

// coming says what shows that an agent lives.
var coming = [signs]string{Call: "heartbeats come", Traces: "traces come", Metrics: "metrics come", Logs: "logs come"}

// nothing words a silence; before the first sign, it is the time of listening.
func (p *Probe) nothing(lived bool) string {
	what := "no heartbeat"
	if p.settings.Sender.Service != "" {
		what = "neither telemetry nor a heartbeat"
	}
	if lived {
		return what + " for %s"
	}
	return what + " yet, in %s of listening"
}

// since is how long ago something came; what never came has been missed since the
// probe began to listen.
func (p *Probe) since(last, now time.Time) time.Duration {
	if last.IsZero() {
		last = p.start
	}
	return max(now.Sub(last), 0)
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
