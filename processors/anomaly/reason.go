package anomaly

import "github.com/watchkeeper/watchkeeper/internal/detect"

// reason says why a point passed without a score; none if it did not.
type reason uint8

const (
	none reason = iota
	ambiguous
	duplicate
	future
	maxSeries
	noRecordedValue
	notFinite
	outOfOrder
	reasons
)

func (r reason) String() string {
	return [reasons]string{
		none:            "",
		ambiguous:       "ambiguous",
		duplicate:       "duplicate",
		future:          "future",
		maxSeries:       "max_series",
		noRecordedValue: "no_recorded_value",
		notFinite:       "not_finite",
		outOfOrder:      "out_of_order",
	}[r]
}

// reasonOf translates what a detector made of a point. A point that only begins
// something has a score like any other.
func reasonOf(o detect.Outcome) reason {
	switch o {
	case detect.NotFinite:
		return notFinite
	case detect.Duplicate:
		return duplicate
	case detect.OutOfOrder:
		return outOfOrder
	default:
		return none
	}
}
