package heartbeat

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat/otlp"
)

// MaxTelemetry is how long an OTLP export request may be, in bytes, decompressed.
const MaxTelemetry = 4 << 20

const (
	// maxReading is how many requests may be in memory at once: 64 MiB in all, or twice
	// that while they grow.
	maxReading = 16
	// maxWait is how long a request waits for its turn.
	maxWait = 5 * time.Second
)

// The encodings of OTLP over HTTP.
const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
)

// Codes of google.rpc.Code that stand for an answer in the body of an OTLP error.
const (
	codeInvalidArgument   = 3
	codeResourceExhausted = 8
	codeUnavailable       = 14
)

// telemetryHandler takes export requests of one signal. It answers 200 with an empty
// response also when nobody waits for the sender: an exporter must not retry because
// of that. 400 is for what is malformed, 413 for what is too long, 415 for another
// encoding, and 503, which exporters take for "later", for one too many at once.
type telemetryHandler struct {
	store *Store
	sign  Sign
	// places is what requests that are read hold one of.
	places chan struct{}
}

// ServeHTTP implements http.Handler.
func (h telemetryHandler) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	kind, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil || kind != protobufType && kind != jsonType {
		http.Error(w, "the content type must be "+protobufType+" or "+jsonType, http.StatusUnsupportedMediaType)
		return
	}
	turn := time.NewTimer(maxWait)
	defer turn.Stop()
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-turn.C:
		w.Header().Set("Retry-After", "1")
		fail(w, kind, http.StatusServiceUnavailable, codeUnavailable, "too many requests at once")
		return
	case <-q.Context().Done():
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, MaxTelemetry))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		fail(w, kind, http.StatusRequestEntityTooLarge, codeResourceExhausted, "the request is too long")
		return
	case err != nil:
		fail(w, kind, http.StatusBadRequest, codeInvalidArgument, "the body broke off or cannot be decompressed")
		return
	}
	if err := h.store.Telemetry(otlp.Signal(h.sign-Traces), kind == jsonType, body, time.Now()); err != nil {
		// The error may hold parts of the request, which are not ours to repeat.
		fail(w, kind, http.StatusBadRequest, codeInvalidArgument, otlp.ErrMalformed.Error())
		return
	}
	w.Header().Set("Content-Type", kind)
	if kind == jsonType {
		_, _ = io.WriteString(w, "{}") // a sender that has gone needs no answer
	}
}

// fail answers with a google.rpc.Status in the encoding of the request: field 1 is the
// code, 2 the message.
func fail(w http.ResponseWriter, kind string, status, code int, message string) {
	var body []byte
	if kind == jsonType {
		body, _ = json.Marshal(map[string]any{"code": code, "message": message}) // cannot fail
	} else {
		body = protowire.AppendTag(body, 1, protowire.VarintType)
		body = protowire.AppendVarint(body, uint64(code))
		body = protowire.AppendTag(body, 2, protowire.BytesType)
		body = protowire.AppendString(body, message)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a sender that has gone needs no answer
}
