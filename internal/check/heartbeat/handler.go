package heartbeat

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// MaxProgress is how long the progress in a heartbeat may be, in bytes.
const MaxProgress = 256

// Handler takes signs of life for the Store over HTTP.
//
// A call is POST /heartbeat/<name>, the name escaped like any part of a path, with the
// progress in the query parameter "progress" or, without that, as the body. It is
// answered with 204, 404 for a name that no probe has, and 413 for a progress that is
// too long.
//
// Telemetry is POST /v1/traces, /v1/metrics or /v1/logs as OTLP over HTTP has it, so
// that any exporter of it can be pointed here. The body must have been decompressed,
// and is bounded by MaxTelemetry.
//
// Who may call, and how long a call may take, is the business of the server around it.
func Handler(s *Store) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /heartbeat/{name}", s.serveCall)
	places := make(chan struct{}, maxReading)
	for _, sign := range Signs[1:] {
		mux.Handle("POST /v1/"+sign.String(), telemetryHandler{s, sign, places})
	}
	return mux
}

func (s *Store) serveCall(w http.ResponseWriter, q *http.Request) {
	progress := q.URL.Query().Get("progress")
	if progress == "" {
		body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, MaxProgress))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			http.Error(w, "the progress is too long", http.StatusRequestEntityTooLarge)
			return
		case err != nil:
			http.Error(w, "the body broke off", http.StatusBadRequest)
			return
		}
		progress = string(body)
	}
	switch {
	case len(progress) > MaxProgress:
		http.Error(w, "the progress is too long", http.StatusRequestEntityTooLarge)
	case !s.Beat(q.PathValue("name"), progress, time.Now()):
		http.Error(w, "no check waits for this heartbeat", http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}
