package expo

import (
	"math"
	"time"
)

// Sweep removes the series that have expired by now and returns their number.
func (s *Store) Sweep(now time.Time) int {
	if now.UnixNano() < s.expiry.Load() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sweep(now, false)
}

// makeRoom removes what has expired from a full store; where that is nothing,
// also series that live only because their source does.
func (s *Store) makeRoom(now time.Time) bool {
	if s.options.Expiration == 0 {
		return false
	}
	if now.UnixNano() >= s.expiry.Load() && s.sweep(now, false) > 0 {
		return true
	}
	return now.UnixNano() >= s.pressed && s.sweep(now, true) > 0
}

// sweep looks at the pages that may hold something expired. Strictly, what
// counts is when a series was written to, whatever its origin does. The store's
// lock is held.
func (s *Store) sweep(now time.Time, strict bool) (removed int) {
	if s.options.Expiration == 0 {
		return 0
	}
	limit := now.Add(-s.options.Expiration).UnixNano()
	next := int64(math.MaxInt64)
	for name, f := range s.claims {
		if name != f.Name {
			continue
		}
		emptied := false
		for _, p := range *f.pages.Load() {
			if p.oldest <= limit || strict {
				n := p.sweep(limit, strict, &next)
				removed += n
				f.live -= n
				emptied = emptied || len(p.series) == 0
			}
			if !strict && len(p.series) > 0 {
				next = min(next, p.oldest)
			}
		}
		if emptied {
			s.empty(f)
		}
	}
	s.series -= removed
	s.stats.Expired += uint64(removed)
	if next != math.MaxInt64 {
		next += int64(s.options.Expiration)
	}
	if strict {
		s.pressed = next
	} else {
		s.expiry.Store(next)
	}
	return removed
}

func (p *page) sweep(limit int64, strict bool, next *int64) int {
	lastSeen := func(ser *series) int64 {
		if strict || ser.origin == nil {
			return ser.seen
		}
		return max(ser.seen, ser.origin.seen)
	}
	expired, oldest := 0, int64(math.MaxInt64)
	for _, ser := range p.series {
		if seen := lastSeen(ser); seen <= limit {
			expired++
		} else {
			oldest = min(oldest, seen)
		}
	}
	if expired > 0 {
		p.drop(func(ser *series) bool { return lastSeen(ser) <= limit })
	}
	if strict {
		*next = min(*next, oldest)
	} else {
		p.oldest = oldest
	}
	return expired
}

// expireAt notes a series that was seen at a time.
func (s *Store) expireAt(seen int64) {
	if s.options.Expiration > 0 {
		at := seen + int64(s.options.Expiration)
		if at < s.expiry.Load() {
			s.expiry.Store(at)
		}
	}
}
