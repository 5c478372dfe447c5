// Package tally counts what happened, by labels whose values come from input.
//
// A metric is a Counter or a Histogram. Both are cumulative and bounded: labels
// that were not seen before the metric was full are counted together, in one
// overflow point, so that sums stay right and what was there before stays exact.
// A point that nothing has added to for as long as its time to live makes room;
// should its labels come back, it starts again from zero with a new start time.
//
// Nothing here is safe for concurrent use, and time comes from the caller.
package tally

import "time"

// MaxLabels is how many labels a metric can have.
const MaxLabels = 4

// MaxLabelBytes is how long the value of a label can be; what is longer is cut.
const MaxLabelBytes = 256

// Labels are the values of a metric's labels, in the order that its caller gives
// them; those that it does not use stay empty.
type Labels [MaxLabels]string

// Exemplar is one thing that was counted, for a way from the metric to its trace.
type Exemplar struct {
	Time    time.Time
	Value   float64
	TraceID [16]byte
	SpanID  [8]byte
}

// Valid tells an exemplar from none.
func (e *Exemplar) Valid() bool { return e != nil && e.TraceID != [16]byte{} }

// Limits bound a metric.
type Limits struct {
	// Points is how many sets of labels are told apart, at least 1. The overflow
	// point comes on top.
	Points int
	// TTL is how long a point stays that nothing adds to; zero is for ever.
	TTL time.Duration
}
