package prometheus

import (
	"io"
	"net/http"
	"time"

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
func newHandler(store *expo.Store, c *Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+metricsPath, &scrape{
		store: store, utf8: !c.strategy().ShouldEscape(), openMetrics: c.EnableOpenMetrics,
		renaming: make(chan struct{}, maxRenaming),
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, index)
	})
	return mux
}

// maxRenaming is how many clients that cannot read the names are served at the
// same time, because each costs a copy of everything.
const maxRenaming = 2

type scrape struct {
	store       *expo.Store
	openMetrics bool
	// utf8 says that names may hold any character, so that clients are asked
	// whether they can read that.
	utf8     bool
	renaming chan struct{}
}

func (s *scrape) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	syntax, contentType := negotiate(r.Header.Values("Accept"), s.openMetrics)
	header.Set("Vary", "Accept-Encoding")
	header.Add("Vary", "Accept")
	format := expo.Format{Syntax: syntax, Encoding: encodingFor(r.Header.Values("Accept-Encoding"))}
	store := s.store
	if s.utf8 {
		escaping := escapingFor(r.Header.Values("Accept"))
		contentType += "; escaping=" + escaping.String()
		if escaping != model.NoEscaping && r.Method != http.MethodHead {
			select {
			case s.renaming <- struct{}{}:
				defer func() { <-s.renaming }()
			default:
				header.Set("Retry-After", "1")
				http.Error(w, "too many clients that need their names escaped", http.StatusServiceUnavailable)
				return
			}
			store = s.store.Renamed(time.Now(), func(name string) string { return model.EscapeName(name, escaping) })
		}
	}
	header.Set("Content-Type", contentType)
	switch format.Encoding {
	case expo.Gzip:
		header.Set("Content-Encoding", "gzip")
	case expo.Zstd:
		header.Set("Content-Encoding", "zstd")
	}
	if r.Method != http.MethodHead {
		// An error means that the client has gone, or that it did not read in time.
		_ = store.Write(w, time.Now(), format)
	}
}
