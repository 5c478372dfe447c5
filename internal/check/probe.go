package check

import (
	"context"
	"time"
)

// A Probe asks one target once. Implementations are small packages below this
// one; each takes ready-made standard things (a dialer, an http.Client, a TLS
// configuration) and knows nothing of how they were configured.
type Probe interface {
	// Run asks the target and says what it found. It should return soon after ctx
	// is done, but the engine does not rely on it. Run is never called again
	// before an earlier call has returned.
	//
	// What is wrong with the target belongs in the Result, with a nil error. A
	// non-nil error means that the probe itself could not work, and makes the
	// verdict Unknown; the Result's steps and measurements still count.
	Run(ctx context.Context) (Result, error)
}

// A Closer is a Probe that keeps something between runs, such as a connection.
// The engine closes it once, after the last run has returned.
type Closer interface {
	Close() error
}

// Result is what one run of a probe found.
type Result struct {
	State State
	// Reason says in one line why the state is what it is, for a person at night:
	// "connecting to db:5432: connection refused". It is empty for Healthy and
	// never holds a credential.
	Reason string
	// ErrorType classifies the reason; it is None if and only if the state is
	// Healthy.
	ErrorType ErrorType
	// Steps are the parts of the run that were reached, in order.
	Steps []Step
	// Measurements are what the target said of itself.
	Measurements []Measurement
}

// Step is one part of a run, such as "connect" or "query".
type Step struct {
	Name     string
	Duration time.Duration
}

// Measurement is one number that a target reported, named like the metric that
// will carry it. Attributes come from a small fixed set of each probe: a
// measurement never carries text that the target chose.
type Measurement struct {
	Name       string
	Value      float64
	Attributes map[string]string
}
