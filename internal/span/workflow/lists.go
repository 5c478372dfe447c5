package workflow

import "time"

// flowList is a list of flows in order of last use.
type flowList struct {
	oldest, newest *flow
	n              int
}

// move puts f to the newest end of l, out of the list that it was in; l may be nil.
func (l *flowList) move(f *flow) {
	if old := f.list; old != nil {
		if old == l && old.newest == f {
			return
		}
		if f.earlier == nil {
			old.oldest = f.later
		} else {
			f.earlier.later = f.later
		}
		if f.later == nil {
			old.newest = f.earlier
		} else {
			f.later.earlier = f.earlier
		}
		f.earlier, f.later, f.list = nil, nil, nil
		old.n--
	}
	if l == nil {
		return
	}
	f.earlier, f.list = l.newest, l
	if l.newest == nil {
		l.oldest = f
	} else {
		l.newest.later = f
	}
	l.newest = f
	l.n++
}

// slots of a wheel; with a grain of 250 ms they span 256 s.
const (
	slots = 1024
	grain = 250 * time.Millisecond
)

// wheel wakes flows in time. What lies further ahead than one turn is met in
// passing and left where it is.
type wheel struct {
	slots [slots]*flow
	done  int64 // the grain up to which everything due was woken
	begun bool
}

func grainOf(t time.Time) int64 { return t.UnixNano() / int64(grain) }

// set makes f wake at t.
func (w *wheel) set(f *flow, t time.Time) {
	w.unset(f)
	// What is due already is met at the next turn of the hand.
	g := max(grainOf(t), w.done)
	f.wake, f.slot = t, int(uint64(g)%slots)
	if first := w.slots[f.slot]; first != nil {
		first.previous, f.next = f, first
	}
	w.slots[f.slot] = f
}

// unset makes f wake no more.
func (w *wheel) unset(f *flow) {
	if f.slot < 0 {
		return
	}
	if f.previous == nil {
		w.slots[f.slot] = f.next
	} else {
		f.previous.next = f.next
	}
	if f.next != nil {
		f.next.previous = f.previous
	}
	f.slot, f.previous, f.next = -1, nil, nil
}

// due appends every flow to wake at now to out, and unsets it.
func (w *wheel) due(now time.Time, out []*flow) []*flow {
	to := grainOf(now)
	if !w.begun {
		w.begun, w.done = true, to-slots
	}
	if to < w.done {
		return out
	}
	for g := max(w.done, to-slots+1); g <= to; g++ {
		for f := w.slots[uint64(g)%slots]; f != nil; {
			next := f.next
			if !f.wake.After(now) {
				w.unset(f)
				out = append(out, f)
			}
			f = next
		}
	}
	// The grain of now is not over.
	w.done = to
	return out
}
