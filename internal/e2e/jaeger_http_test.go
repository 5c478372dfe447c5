package e2e

import (
	"crypto/tls"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestAcknowledgedSpansSurviveAKillWhileJaegerIsAwayOverHTTP(t *testing.T) {
	const traces, spansEach = 20, 50

	store := peers.Jaeger(t)
	store.Stop()
	w := startWatchkeeper(t, shipped(t, "agent.yaml"), map[string]string{"JAEGER_ENDPOINT": "http://" + store.OTLPHTTP})
	want := make(map[spanKey]plainSpan)
	var sent []ptrace.Traces
	for number := range byte(traces) {
		td := numberedTrace(number, spansEach)
		maps.Copy(want, plain(td))
		w.send(t, td)
		sent = append(sent, td)
	}
	require.Len(t, want, traces*spansEach)

	w.Kill()
	store.Start()
	w.Start()
	requireInJaeger(t, jaeger{url: "http://" + store.Query}, sent)
}

// TestAQueueOnDiskOutlivesAnOrderlyRestart: the collector ends as systemd ends it,
// with Jaeger still away, and starts again.
func TestAQueueOnDiskOutlivesAnOrderlyRestart(t *testing.T) {
	for protocol, endpoint := range jaegerEndpoints {
		t.Run(protocol, func(t *testing.T) {
			store := peers.Jaeger(t)
			store.Stop()
			w := startWatchkeeper(t, shipped(t, "agent.yaml"), map[string]string{"JAEGER_ENDPOINT": endpoint(store)})
			td := numberedTrace(1, 10)
			w.send(t, td)
			w.Stop()
			store.Start()
			w.Start()
			requireInJaeger(t, jaeger{url: "http://" + store.Query}, []ptrace.Traces{td})
		})
	}
}

var jaegerEndpoints = map[string]func(*peers.JaegerServer) string{
	"grpc": func(s *peers.JaegerServer) string { return s.OTLP },
	"http": func(s *peers.JaegerServer) string { return "http://" + s.OTLPHTTP },
}

// TestAFrontThatWantsATokenGetsIt sends through a proxy with a certificate of its
// own that lets nobody pass without the token, by the extension for it.
func TestAFrontThatWantsATokenGetsIt(t *testing.T) {
	store := peers.Jaeger(t)
	proxy := startFront(t, store, "Bearer s3cr3t-token")
	number := byte(0)
	for protocol, endpoint := range map[string]string{
		"grpc": strings.TrimPrefix(proxy.url, "https://"),
		"http": proxy.url,
	} {
		number++
		t.Run(protocol, func(t *testing.T) {
			passed, turnedAway := proxy.passed.Load(), proxy.turnedAway.Load()
			td := numberedTrace(number, 10)

			w := startWithToken(t, endpoint, proxy.certificate, "wrong")
			w.send(t, numberedTrace(number+100, 10))
			require.Eventually(t, func() bool { return proxy.turnedAway.Load() > turnedAway }, 20*time.Second, 50*time.Millisecond)
			require.Equal(t, passed, proxy.passed.Load())
			w.Stop()

			w = startWithToken(t, endpoint, proxy.certificate, "s3cr3t-token")
			w.send(t, td)
			requireInJaeger(t, jaeger{url: "http://" + store.Query}, []ptrace.Traces{td})
			require.Greater(t, proxy.passed.Load(), passed)
			require.NotContains(t, w.log(t), "s3cr3t-token")
		})
	}
}

func startWithToken(t *testing.T, endpoint, certificate, token string) *watchkeeper {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
extensions:
  bearertokenauth: {token: "${env:JAEGER_TOKEN}"}
exporters:
  jaeger:
    tls: {insecure: false, ca_file: "`+certificate+`"}
    auth: {authenticator: bearertokenauth}
service:
  extensions: [health_check, file_storage, bearertokenauth]
`), 0o600))
	return startWatchkeeper(t, append(shipped(t, "agent.yaml"), "--config", file),
		map[string]string{"JAEGER_ENDPOINT": endpoint, "JAEGER_TOKEN": token})
}

// front is a proxy before a Jaeger.
type front struct {
	url string
	// certificate is the file of the one that it shows.
	certificate        string
	passed, turnedAway atomic.Int64
}

func startFront(t *testing.T, store *peers.JaegerServer, authorization string) *front {
	t.Helper()
	f := &front{certificate: filepath.Join(t.TempDir(), "front.pem")}
	unencrypted := new(http.Protocols)
	unencrypted.SetUnencryptedHTTP2(true)
	overHTTP := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: store.OTLPHTTP})
	overGRPC := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: store.OTLP})
	overGRPC.Transport = &http.Transport{Protocols: unencrypted}
	overGRPC.FlushInterval = -1

	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != authorization {
			f.turnedAway.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.passed.Add(1)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			overGRPC.ServeHTTP(w, r)
			return
		}
		overHTTP.ServeHTTP(w, r)
	}))
	certificate := peers.Certificate(t, time.Hour, time.Hour)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	f.url = server.URL

	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	require.NoError(t, os.WriteFile(f.certificate, text, 0o600))
	return f
}
