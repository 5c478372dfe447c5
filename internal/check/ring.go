package check

import "time"

// Run is one run of a check, as its history keeps it.
type Run struct {
	// Time is when the run ended or was abandoned, to the millisecond.
	Time time.Time
	// Duration is to the tenth of a millisecond, and 119 hours at most.
	Duration  time.Duration
	State     State
	ErrorType ErrorType
}

// kept is a Run in 16 bytes.
type kept struct {
	At    int64  // milliseconds of Unix time
	Took  uint32 // tenths of a millisecond
	State State
	Error uint8 // 1 + the index in errorTypes, 0 for None
}

func keep(v verdict, now time.Time) kept {
	k := kept{At: now.UnixMilli(), Took: uint32(min(max(v.duration/(100*time.Microsecond), 0), 1<<32-1)), State: v.state}
	for i, t := range errorTypes {
		if t == v.errorType {
			k.Error = uint8(i + 1)
		}
	}
	return k
}

func (k kept) run() Run {
	r := Run{Time: time.UnixMilli(k.At), Duration: time.Duration(k.Took) * 100 * time.Microsecond, State: k.State}
	if i := int(k.Error) - 1; i >= 0 && i < len(errorTypes) {
		r.ErrorType = errorTypes[i]
	}
	return r
}

// ring holds the last values that were added, up to its size. It grows as needed.
type ring[T any] struct {
	size   int
	oldest int // index of the oldest value once all places are taken
	values []T
}

func newRing[T any](size int) ring[T] { return ring[T]{size: size} }

func (r *ring[T]) add(v T) {
	if len(r.values) < r.size {
		r.values = append(r.values, v)
		return
	}
	r.values[r.oldest] = v
	r.oldest = (r.oldest + 1) % r.size
}

func (r *ring[T]) len() int { return len(r.values) }

// at returns the value that was added as the i-th of those that are left.
func (r *ring[T]) at(i int) T { return r.values[(r.oldest+i)%len(r.values)] }

// list returns the values in the order in which they were added.
func (r *ring[T]) list() []T {
	out := make([]T, 0, len(r.values))
	return append(append(out, r.values[r.oldest:]...), r.values[:r.oldest]...)
}

// fill takes the last of the values that list returned in an earlier life.
func (r *ring[T]) fill(values []T) {
	r.oldest = 0
	r.values = append([]T(nil), values[max(0, len(values)-r.size):]...)
}
