package prometheus

import (
	"compress/gzip"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadata"
)

var update = flag.Bool("update", false, "write testdata/*/expected.prom anew")

// begin starts an exporter on a free port and returns it with its address.
func begin(t *testing.T, c *Config) (*prometheusExporter, string) {
	if c.NetAddr.Endpoint == "localhost:8889" {
		c.NetAddr.Endpoint = "localhost:0"
	}
	e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.shutdown(context.Background())) })
	return e, "http://" + e.listener.Addr().String()
}

// client neither keeps connections nor unzips.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}

// answer is a response whose body has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

func request(t *testing.T, method, url string, headers ...string) answer {
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(body)}
}

// What Prometheus sends from version 3 on.
const modernAccept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
	"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
	"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

func TestGoldens(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/metrics.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, input := range cases {
		folder := filepath.Dir(input)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			c := createDefaultConfig().(*Config)
			if conf, err := confmaptest.LoadConf(filepath.Join(folder, "config.yaml")); err == nil {
				require.NoError(t, conf.Unmarshal(c))
			}
			accept := modernAccept
			if other, err := os.ReadFile(filepath.Join(folder, "accept.txt")); err == nil {
				accept = strings.TrimSpace(string(other))
			}
			md, err := golden.ReadMetrics(input)
			require.NoError(t, err)
			md.MarkReadOnly()
			e, url := begin(t, c)
			require.NoError(t, e.consume(t.Context(), md))
			got := request(t, http.MethodGet, url+"/metrics", "Accept", accept).body
			again := request(t, http.MethodGet, url+"/metrics", "Accept", accept).body
			require.Equal(t, got, again)

			expected := filepath.Join(folder, "expected.prom")
			if *update {
				require.NoError(t, os.WriteFile(expected, []byte(got), 0o600))
			}
			want, err := os.ReadFile(expected)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

func TestPromtoolFindsNoFault(t *testing.T) {
	md, err := golden.ReadMetrics("testdata/types/metrics.yaml")
	require.NoError(t, err)
	e, url := begin(t, createDefaultConfig().(*Config))
	require.NoError(t, e.consume(t.Context(), md))
	body := request(t, http.MethodGet, url+"/metrics").body

	promtool, err := exec.LookPath("promtool")
	require.NoError(t, err, "promtool is needed: install it, or run this through make test, which does")
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(body)
	out, err := check.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

func TestHTTP(t *testing.T) {
	md, err := golden.ReadMetrics("testdata/types/metrics.yaml")
	require.NoError(t, err)
	e, url := begin(t, createDefaultConfig().(*Config))
	require.NoError(t, e.consume(t.Context(), md))
	plain := request(t, http.MethodGet, url+"/metrics")
	body := plain.body
	require.Equal(t, http.StatusOK, plain.status)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", plain.header.Get("Content-Type"))
	require.Equal(t, []string{"Accept-Encoding", "Accept"}, plain.header.Values("Vary"))

	t.Run("gzip", func(t *testing.T) {
		for _, accept := range []string{"gzip", "deflate, gzip;q=0.5", "GZIP ; q=1", "*"} {
			response := request(t, http.MethodGet, url+"/metrics", "Accept-Encoding", accept)
			require.Equal(t, "gzip", response.header.Get("Content-Encoding"), accept)
			z, err := gzip.NewReader(strings.NewReader(response.body))
			require.NoError(t, err)
			unpacked, err := io.ReadAll(z)
			require.NoError(t, err)
			require.Equal(t, body, string(unpacked))
		}
		for _, accept := range []string{"identity", "gzip;q=0", "gzip; q=0.0, *", "gzip;q=0.5, identity", "br", "*;q=0"} {
			response := request(t, http.MethodGet, url+"/metrics", "Accept-Encoding", accept)
			require.Empty(t, response.header.Get("Content-Encoding"), accept)
			require.Equal(t, body, response.body)
		}
	})
	t.Run("zstd", func(t *testing.T) {
		for _, accept := range []string{"zstd", "gzip;q=0.5, zstd"} {
			response := request(t, http.MethodGet, url+"/metrics", "Accept-Encoding", accept)
			require.Equal(t, "zstd", response.header.Get("Content-Encoding"), accept)
			z, err := zstd.NewReader(strings.NewReader(response.body))
			require.NoError(t, err)
			unpacked, err := io.ReadAll(z)
			require.NoError(t, err)
			require.Equal(t, body, string(unpacked))
			z.Close()
		}
	})
	t.Run("head", func(t *testing.T) {
		response := request(t, http.MethodHead, url+"/metrics")
		require.Equal(t, http.StatusOK, response.status)
		require.Empty(t, response.body)
	})
	t.Run("other methods", func(t *testing.T) {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			response := request(t, method, url+"/metrics")
			require.Equal(t, http.StatusMethodNotAllowed, response.status)
			require.Equal(t, "GET, HEAD", response.header.Get("Allow"))
		}
	})
	t.Run("index", func(t *testing.T) {
		response := request(t, http.MethodGet, url+"/")
		require.Equal(t, "text/html; charset=utf-8", response.header.Get("Content-Type"))
		require.Contains(t, response.body, `<a href="/metrics">`)
		response = request(t, http.MethodGet, url+"/elsewhere")
		require.Equal(t, http.StatusNotFound, response.status)
	})
}

func TestEscapingIsWhatTheClientAsksFor(t *testing.T) {
	c := createDefaultConfig().(*Config)
	c.TranslationStrategy = "NoTranslation"
	_, url := begin(t, c)
	for accept, want := range map[string]string{
		"":                             "underscores",
		"*/*":                          "underscores",
		modernAccept:                   "allow-utf-8",
		"text/plain;escaping=nonsense": "underscores",
		"text/plain;escaping=dots":     "dots",
		"text/plain;escaping=dots;q=0.1, text/plain;escaping=values;q=0.2":    "values",
		"text/plain;escaping=values, text/plain;escaping=allow-utf-8;q=0, ;;": "values",
	} {
		response := request(t, http.MethodGet, url+"/metrics", "Accept", accept)
		require.Equal(t, "text/plain; version=0.0.4; charset=utf-8; escaping="+want, response.header.Get("Content-Type"), accept)
		require.Equal(t, []string{"Accept-Encoding", "Accept"}, response.header.Values("Vary"))
	}
}

func TestPortIsFreeAfterShutdownAndTakenBefore(t *testing.T) {
	c := createDefaultConfig().(*Config)
	first, url := begin(t, c)
	address := first.listener.Addr().String()
	request(t, http.MethodGet, url+"/metrics")

	taken := createDefaultConfig().(*Config)
	taken.NetAddr.Endpoint = address
	second, err := newExporter(taken, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.EqualError(t, second.start(t.Context(), componenttest.NewNopHost()),
		`listening on endpoint "`+address+`": listen tcp `+address+`: bind: address already in use`)
	require.NoError(t, second.shutdown(t.Context()))

	require.NoError(t, first.shutdown(t.Context()))
	require.NoError(t, first.shutdown(t.Context()))
	third, url := begin(t, taken)
	require.Equal(t, address, third.listener.Addr().String())
	request(t, http.MethodGet, url+"/metrics")
}

func TestShutdownDoesNotWaitForAClientThatDoesNotRead(t *testing.T) {
	e, url := begin(t, createDefaultConfig().(*Config))
	require.NoError(t, e.consume(t.Context(), fleet(100_000, time.Now(), 1)))
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	_, err = conn.Read(make([]byte, 1)) // the answer is under way and larger than any buffer
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.EqualError(t, e.shutdown(ctx), "ending scrapes under way: context canceled")
}

func TestScrapesDuringUpdatesAreWhole(t *testing.T) {
	e, url := begin(t, createDefaultConfig().(*Config))
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for i := range 200 {
				if err := e.consume(t.Context(), fleet(50, time.Now(), float64(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		body := request(t, http.MethodGet, url+"/metrics").body
		seen := map[string]bool{}
		for line := range strings.Lines(body) {
			head, _, _ := strings.Cut(line, "} ")
			require.True(t, strings.HasSuffix(line, "\n"))
			require.False(t, seen[head], "%s is there twice", head)
			seen[head] = true
		}
	}
	writers.Wait()
	body := request(t, http.MethodGet, url+"/metrics").body
	require.Equal(t, 52, strings.Count(body, "\n"))
}

func TestReadmeShowsWhatTheExampleGives(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, file := range []string{"metrics.yaml", "expected.prom"} {
		shown, err := os.ReadFile(filepath.Join("testdata", "example", file))
		require.NoError(t, err)
		require.Contains(t, string(readme), string(shown))
	}
}
