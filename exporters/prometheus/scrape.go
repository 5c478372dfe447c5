package prometheus

import (
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/common/model"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

const metricsPath = "/metrics"

const index = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Watchkeeper: Prometheus exporter</title></head>
<body><h1>Prometheus exporter</h1><p><a href="` + metricsPath + `">Metrics</a></p></body>
</html>
`

// newHandler serves the store at /metrics and a page that leads there at /.
func newHandler(store *expo.Store, utf8 bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, &scrape{store: store, utf8: utf8})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, index)
	})
	return mux
}

type scrape struct {
	store *expo.Store
	// utf8 says that names may hold any character, so that clients are asked
	// whether they can read that.
	utf8  bool
	gzips sync.Pool
}

func (s *scrape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	header.Set("Vary", "Accept-Encoding")
	var snapshot expo.Snapshot
	if s.utf8 {
		escaping := escapingFor(r.Header.Values("Accept"))
		header.Set("Content-Type", header.Get("Content-Type")+"; escaping="+escaping.String())
		header.Add("Vary", "Accept")
		if escaping == model.NoEscaping {
			snapshot = s.store.Snapshot(time.Now())
		} else {
			snapshot = s.store.Renamed(time.Now(), func(name string) string { return model.EscapeName(name, escaping) })
		}
	} else {
		snapshot = s.store.Snapshot(time.Now())
	}

	compress := acceptsGzip(r.Header.Values("Accept-Encoding"))
	if compress {
		header.Set("Content-Encoding", "gzip")
	} else {
		header.Set("Content-Length", strconv.Itoa(snapshot.Len()))
	}
	// From here on an error means that the client has gone.
	switch {
	case r.Method == http.MethodHead:
	case compress:
		z, ok := s.gzips.Get().(*gzip.Writer)
		if !ok {
			z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
		}
		z.Reset(w)
		if _, err := snapshot.WriteTo(z); err == nil {
			_ = z.Close()
		}
		s.gzips.Put(z)
	default:
		_, _ = snapshot.WriteTo(w)
	}
}

// acceptsGzip reports whether an Accept-Encoding header names gzip, or anything,
// without forbidding it.
func acceptsGzip(values []string) bool {
	accepted := false
	for encoding := range parts(values) {
		name, params, _ := strings.Cut(encoding, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip":
			return quality(strings.TrimSpace(params)) > 0
		case "*":
			accepted = quality(strings.TrimSpace(params)) > 0
		}
	}
	return accepted
}

// quality reads "q=0.5"; anything else is 1.
func quality(param string) float64 {
	if value, ok := strings.CutPrefix(strings.ReplaceAll(param, " ", ""), "q="); ok {
		if q, err := strconv.ParseFloat(value, 64); err == nil {
			return q
		}
	}
	return 1
}

// escapingFor returns how names shall be escaped for a client: as the format it
// likes best says, of those that say so at all, and else with underscores. See
// https://prometheus.io/docs/instrumenting/content_negotiation/.
func escapingFor(values []string) model.EscapingScheme {
	chosen, best := model.UnderscoreEscaping, 0.0
	for accepted := range parts(values) {
		_, params, err := mime.ParseMediaType(accepted)
		if err != nil {
			continue
		}
		scheme, err := model.ToEscapingScheme(params[model.EscapingKey])
		if err != nil {
			continue
		}
		if q := quality("q=" + params["q"]); q > best {
			chosen, best = scheme, q
		}
	}
	return chosen
}

// parts yields the elements of a header that is a list.
func parts(values []string) func(func(string) bool) {
	return strings.SplitSeq(strings.Join(values, ","), ",")
}
