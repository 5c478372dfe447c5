package detect

import "math"

// Outcome says what became of a point. It is a closed list, so that a caller can
// count by it.
type Outcome uint8

const (
	// Accepted: the point was used.
	Accepted Outcome = iota
	// First: the point is the first of a counter, so there is no change yet.
	First
	// Reset: the counter began anew, so the change since the point before is not
	// known. The next change is counted from this point.
	Reset
	// NotFinite: the value is NaN or infinite.
	NotFinite
	// Duplicate: an earlier point carried the same time.
	Duplicate
	// OutOfOrder: an earlier point carried a later time.
	OutOfOrder
)

// order judges the time of a point by that of the one before it, if any.
func order(known bool, last, at int64) Outcome {
	switch {
	case known && at == last:
		return Duplicate
	case known && at < last:
		return OutOfOrder
	default:
		return Accepted
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
