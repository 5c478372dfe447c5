package check

import (
	"fmt"
	"time"
)

// standing is the state in which a check stands: what its verdicts add up to once
// single runs that went astray and failed dependencies are taken into account. It
// has no clock and no lock.
//
// A run that could not be made leads to Unknown at once. A failing one leads to
// Unhealthy when it is the last of failuresToUnhealthy in a row. A working one
// leads to a better state when it is the last of successesToHealthy in a row that
// were better than the state; from Healthy to Degraded, and from Unknown, it leads
// at once.
type standing struct {
	failuresToUnhealthy, successesToHealthy int

	// judged says that there has been a verdict.
	judged          bool
	state, previous State
	reason          string
	errorType       ErrorType
	condition       string
	// failing and better count runs in a row.
	failing, better int

	// cause names the unhealthy check because of which the state is Unknown. It
	// stays until a run that began after freed, when that check became well: what a
	// run found earlier says nothing of the target.
	cause string
	freed time.Time
}

func newStanding(c Check) standing {
	return standing{
		failuresToUnhealthy: max(1, c.FailuresToUnhealthy),
		successesToHealthy:  max(1, c.SuccessesToHealthy),
	}
}

// take takes the verdict of a run that began at began, while blocker, if not
// empty, is unhealthy. It reports whether the state is news, and the cause that it
// no longer has.
func (s *standing) take(v verdict, began time.Time, blocker string) (news bool, lifted string) {
	first := !s.judged
	s.judged = true
	if blocker != "" {
		return s.block(blocker) || first, ""
	}
	if s.cause != "" {
		if began.Before(s.freed) {
			return first, ""
		}
		lifted, s.cause = s.cause, ""
	}
	next := s.next(v)
	if next == v.state {
		s.reason, s.errorType, s.condition = v.reason, v.errorType, v.condition
	} else if s.state == Unknown {
		s.reason = oneLine(fmt.Sprintf("failed %d of the %d times after which it is unhealthy: %s", s.failing, s.failuresToUnhealthy, v.reason))
		s.errorType, s.condition = v.errorType, v.condition
	}
	if next == s.state {
		return first, lifted
	}
	s.better = 0
	s.previous, s.state = s.state, next
	return true, lifted
}

// next counts the verdict in and returns the state to which it leads.
func (s *standing) next(v verdict) State {
	switch v.state {
	case Unhealthy:
		s.failing, s.better = s.failing+1, 0
		if s.failing < s.failuresToUnhealthy {
			return s.state
		}
	case Healthy, Degraded:
		s.failing = 0
		if v.state >= s.state {
			s.better = 0
		} else if s.better++; s.better < s.successesToHealthy {
			return s.state
		}
	default:
		s.failing, s.better = 0, 0
	}
	return v.state
}

// block makes the state Unknown because the check that is called cause is
// unhealthy, and reports whether that is news.
func (s *standing) block(cause string) bool {
	s.failing, s.better = 0, 0
	if !s.judged {
		return false
	}
	s.cause, s.freed = cause, time.Time{}
	s.reason, s.errorType, s.condition = fmt.Sprintf("depends on %s, which is unhealthy", cause), None, ""
	if s.state == Unknown {
		return false
	}
	s.previous, s.state = s.state, Unknown
	return true
}
