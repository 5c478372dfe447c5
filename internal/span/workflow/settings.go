package workflow

import "math"

// fault returns the rule that the settings break, or nothing.
func (s *Settings) fault() string {
	l, r := &s.Loop, &s.Runaway
	switch {
	case s.MaxWorkflows < 1 || s.MaxSpans < 1 || s.MaxSpans > math.MaxInt32/8:
		return "MaxWorkflows and MaxSpans must be at least 1"
	case s.Settle <= 0:
		return "Settle must be positive"
	case s.DetachedTimeout < s.Settle:
		return "DetachedTimeout must be at least Settle"
	case s.IdleTimeout < s.DetachedTimeout:
		return "IdleTimeout must be at least DetachedTimeout"
	case s.MaxDuration < s.IdleTimeout:
		return "MaxDuration must be at least IdleTimeout"
	case s.StallTimeout < 0 || s.Remember < 0:
		return "StallTimeout and Remember must not be negative"
	case l.Repeats < 0 || l.Repeats == 1 || l.Stuck < 0 || l.Stuck == 1:
		return "Loop.Repeats and Loop.Stuck must be 0 or at least 2"
	case l.MaxPeriod < 0 || l.MaxPeriod == 1 || l.MaxPeriod > 64 || l.MaxPeriod > 1 && l.Cycles < 2:
		return "Loop.MaxPeriod must be 0 or 2 to 64, with at least 2 Loop.Cycles"
	case r.TokensPerMinute < 0 || r.ChainLength < 0 || r.ContextCalls < 0 || r.ContextMin < 0:
		return "Runaway limits must not be negative"
	case !(r.CostPerMinute >= 0) || !(r.ContextGrowth >= 0):
		return "Runaway limits must not be negative"
	}
	return ""
}
