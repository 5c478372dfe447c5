// Package otlp reads of an OTLP export request who sent it and whether work has
// ended, and nothing else: which resources it is about, and when the latest of their
// spans ended.
//
// It is no decoder. A request is walked where it lies; no span, metric or record is
// made of it, so that neither a million empty messages nor a value nested a million
// levels deep costs more than the bytes that it takes. Field numbers are those of the
// protocol's definition, version 1 (github.com/open-telemetry/opentelemetry-proto:
// collector/*/v1, resource/v1, common/v1, trace/v1), and names of JSON keys those of its
// JSON mapping.
package otlp

import "errors"

// Signal is what a request carries.
type Signal uint8

// The signals that have a stable place in the protocol.
const (
	Traces Signal = iota
	Metrics
	Logs
)

// ErrMalformed is what every error of this package wraps.
var ErrMalformed = errors.New("the request is malformed")

// maxValue bounds the value of an attribute that is read, in bytes. A longer one is
// as good as absent: nobody is known by it.
const maxValue = 1024

// Resource is a sender of telemetry, as one request shows it.
type Resource struct {
	// Attributes are the wanted ones whose values are text.
	Attributes map[string]string
	// Items is how many spans, metrics or log records it sent.
	Items int
	// Ended is when the latest of its spans ended, in nanoseconds of Unix time by the
	// clock of the sender, zero when none has.
	Ended uint64
}

// Reader walks requests. The zero Reader wants no attribute and tells nobody. It may
// be used again, but not concurrently.
type Reader struct {
	// Wanted says which attributes of a resource to read; the others are passed over.
	Wanted map[string]bool
	// Yield is called for each resource of a request that sent anything. The Resource
	// is the Reader's and changes when Yield returns.
	Yield func(*Resource)

	resource Resource
}

// begin forgets the last resource.
func (r *Reader) begin() {
	if r.resource.Attributes == nil {
		r.resource.Attributes = make(map[string]string, len(r.Wanted))
	}
	clear(r.resource.Attributes)
	r.resource.Items, r.resource.Ended = 0, 0
}

// end hands the present resource over.
func (r *Reader) end() {
	if r.resource.Items > 0 && r.Yield != nil {
		r.Yield(&r.resource)
	}
}

// item counts a span, metric or record; ended is zero unless it is a span that has
// ended.
func (r *Reader) item(ended uint64) {
	r.resource.Items++
	r.resource.Ended = max(r.resource.Ended, ended)
}
