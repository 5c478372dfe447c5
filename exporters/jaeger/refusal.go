package jaeger

import (
	"time"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// longestPause bounds the pause that a server may wish for before the next
// attempt: a wrong answer must not silence the exporter for a day.
const longestPause = 5 * time.Minute

// reason says in one word why a server will never take a request.
type reason string

const (
	// refusedAuth: who we are is not proven, or not allowed.
	refusedAuth reason = "auth"
	// refusedAddress: nothing takes OTLP traces there.
	refusedAddress reason = "address"
	// refusedSize: the request, or the answer, is too large.
	refusedSize reason = "size"
	// refusedMalformed: the server cannot read the request.
	refusedMalformed reason = "malformed"
	// refusedProtocol: the answer is no OTLP.
	refusedProtocol reason = "protocol"
	// refusedOther is anything else.
	refusedOther reason = "other"
)

// refusal is a failure that another attempt would meet again.
type refusal struct {
	reason reason
	err    error
}

func (r *refusal) Error() string { return r.err.Error() }

func (r *refusal) Unwrap() error { return r.err }

// later returns a failure that may pass, with the pause that the server asked for;
// zero and less is none.
func later(err error, pause time.Duration) error {
	if pause <= 0 {
		return err
	}
	return exporterhelper.NewThrottleRetry(err, min(pause, longestPause))
}
