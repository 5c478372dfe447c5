package check

import "time"

const (
	// slice is the grain of the account of availability.
	slice = 5 * time.Minute
	// slices cover a day and the part of the present slice.
	slices24h = int(24*time.Hour/slice) + 1
)

// windows are those over which availability is told.
var windows = [...]time.Duration{time.Hour, 24 * time.Hour}

// Availability is the share of time, 0 to 1, in which a target worked.
//
// It is weighted by time: the time from one run to the next belongs to what the
// earlier one found, so that checks whose interval was changed, or whose runs were
// skipped, are not misjudged. At most two intervals belong to one run; what is
// longer, such as the time in which nobody checked, counts for nothing, and so does
// time after a run that ended Unknown. Healthy and Degraded count as working. It is
// what runs found and not the state: neither a dependency nor the number of
// failures that it takes to be unhealthy changes it.
//
// The account is kept in slices of five minutes; of the oldest one in the window
// the share is taken that the window covers.
type Availability struct {
	Window time.Duration
	Share  float64
}

// uptime is the account of one check. It has no clock and no lock.
type uptime struct {
	interval time.Duration
	last     time.Time
	state    State
	account  []share
}

// share is what is known of one slice of time, in milliseconds.
type share struct {
	Slice     int64 // Unix time in slices
	Up, Known uint32
}

func newUptime(interval time.Duration) uptime { return uptime{interval: interval} }

// add takes what the run found that ended at now.
func (u *uptime) add(found State, now time.Time) {
	if u.state != Unknown && now.After(u.last) {
		u.book(u.last, u.last.Add(min(now.Sub(u.last), 2*u.interval)))
	}
	u.last, u.state = now, found
}

// book credits the time between from and to, slice by slice.
func (u *uptime) book(from, to time.Time) {
	from = later(from, to.Add(-24*time.Hour))
	if u.account == nil {
		u.account = make([]share, slices24h)
	}
	for from.Before(to) {
		n := from.UnixMilli() / slice.Milliseconds()
		end := time.UnixMilli((n + 1) * slice.Milliseconds())
		if end.After(to) {
			end = to
		}
		s := &u.account[int(n%int64(slices24h))]
		if s.Slice != n {
			*s = share{Slice: n}
		}
		part := uint32(end.UnixMilli() - from.UnixMilli())
		s.Known += part
		if u.state != Unhealthy {
			s.Up += part
		}
		from = end
	}
}

// over returns the availability over each window of which anything is known.
func (u *uptime) over(now time.Time) []Availability {
	var out []Availability
	for _, window := range windows {
		var up, known float64
		begin := now.Add(-window).UnixMilli()
		for _, s := range u.account {
			from := s.Slice * slice.Milliseconds()
			to := from + slice.Milliseconds()
			if s.Known == 0 || to <= begin {
				continue
			}
			part := float64(to-max(from, begin)) / float64(slice.Milliseconds())
			up += part * float64(s.Up)
			known += part * float64(s.Known)
		}
		if known > 0 {
			out = append(out, Availability{Window: window, Share: up / known})
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
