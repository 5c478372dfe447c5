package jaeger

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// These tests are held against the real Jaeger.

// endpoints are where a Jaeger takes traces, by protocol.
func endpoints(j *peers.JaegerServer) map[string]string {
	return map[string]string{"grpc": j.OTLP, "http": "http://" + j.OTLPHTTP}
}

// linked makes a trace of a root and a child, named after its number.
func linked(number byte) ptrace.Traces {
	td := traces([2]string{"root", "gen_ai.system"}, [2]string{"child", "http.route"})
	for i := range 2 {
		rs := td.ResourceSpans().At(i)
		rs.Resource().Attributes().PutStr("service.name", "planner")
		sp := rs.ScopeSpans().At(0).Spans().At(0)
		sp.SetTraceID(pcommon.TraceID{15: number})
		sp.SetSpanID(pcommon.SpanID{7: byte(i + 1)})
		sp.SetStartTimestamp(pcommon.NewTimestampFromTime(time.Now().Add(-time.Second)))
		sp.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	}
	td.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(0).SetParentSpanID(pcommon.SpanID{7: 1})
	return td
}

// stored returns the attributes of the spans of a trace, by the name of the span;
// none if Jaeger does not know it.
func stored(t *testing.T, j *peers.JaegerServer, number byte) map[string]map[string]any {
	t.Helper()
	url := "http://" + j.Query + "/api/v3/traces/" + pcommon.TraceID{15: number}.String()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if response.StatusCode == http.StatusNotFound {
		return nil
	}
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	var answer struct{ Result json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &answer))
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(answer.Result)
	require.NoError(t, err)
	found := make(map[string]map[string]any)
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				found[sp.Name()] = sp.Attributes().AsRaw()
			}
		}
	}
	return found
}

// requireStored waits until Jaeger has both spans of a trace.
func requireStored(t *testing.T, j *peers.JaegerServer, number byte) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); len(stored(t, j, number)) < 2; time.Sleep(50 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "trace %d is not in Jaeger", number)
	}
}

func TestJaegerInMemoryHasWhatItIsSent(t *testing.T) {
	j := peers.Jaeger(t)
	number := byte(0)
	for protocol, endpoint := range endpoints(j) {
		number++
		t.Run(protocol, func(t *testing.T) {
			cfg := to(endpoint)
			cfg.Traces, cfg.UIEndpoint = Workflows, "http://"+j.Query
			e := start(t, cfg)
			require.NoError(t, e.ConsumeTraces(t.Context(), linked(number)))
			requireStored(t, j, number)
			spans := stored(t, j, number)
			link := fmt.Sprintf("http://%s/trace/%032x?uiFind=0000000000000001", j.Query, number)
			require.Equal(t, link, spans["root"]["watchkeeper.trace.url"])
			require.NotContains(t, spans["child"], "watchkeeper.trace.url")
			require.NoError(t, peers.OK(t.Context(), link), "the link leads somewhere")
		})
	}
}

func TestJaegerOnDiskHasWhatItWasSentAfterARestart(t *testing.T) {
	j := peers.JaegerWith(t, peers.JaegerSettings{OnDisk: true})
	numbers := map[string]byte{"grpc": 1, "http": 2}
	for protocol, endpoint := range endpoints(j) {
		e := start(t, to(endpoint))
		require.NoError(t, e.ConsumeTraces(t.Context(), linked(numbers[protocol])))
	}
	for _, number := range numbers {
		requireStored(t, j, number)
	}
	j.Stop()
	j.Start()
	for protocol, number := range numbers {
		require.Len(t, stored(t, j, number), 2, protocol)
	}
}

func TestJaegerGetsWhatWasSentWhileItWasAway(t *testing.T) {
	j := peers.JaegerWith(t, peers.JaegerSettings{OnDisk: true})
	numbers := map[string]byte{"grpc": 1, "http": 2}
	running := make(map[string]started)
	for protocol, endpoint := range endpoints(j) {
		cfg := to(endpoint)
		cfg.RetryConfig.InitialInterval, cfg.RetryConfig.MaxInterval = 50*time.Millisecond, time.Second
		running[protocol] = start(t, cfg)
		require.NoError(t, running[protocol].ConsumeTraces(t.Context(), linked(numbers[protocol])))
		requireStored(t, j, numbers[protocol])
	}
	j.Stop()
	for protocol, e := range running {
		require.NoError(t, e.ConsumeTraces(t.Context(), linked(numbers[protocol]+10)))
	}
	j.Start()
	for _, number := range numbers {
		requireStored(t, j, number+10)
		require.Len(t, stored(t, j, number), 2, "what came before is still there")
	}
}

func TestThePageOfJaegerIsNotTakenForItsReceiver(t *testing.T) {
	j := peers.Jaeger(t)
	cfg := to("http://" + j.Query)
	cfg.QueueConfig, cfg.RetryConfig.Enabled = none(), false
	require.Error(t, start(t, cfg).ConsumeTraces(t.Context(), linked(1)))
}

func TestJaegerThatWantsToKnowItsClientsGetsACertificate(t *testing.T) {
	ours, stranger := newAuthority(t), newAuthority(t)
	certificate, key := ours.issue(t, "jaeger", x509.ExtKeyUsageServerAuth)
	j := peers.JaegerWith(t, peers.JaegerSettings{CertFile: certificate, KeyFile: key, ClientCAFile: ours.file})
	clientCertificate, clientKey := ours.issue(t, "watchkeeper", x509.ExtKeyUsageClientAuth)
	strangeCertificate, strangeKey := stranger.issue(t, "stranger", x509.ExtKeyUsageClientAuth)

	number := byte(0)
	for protocol, endpoint := range map[string]string{"grpc": j.OTLP, "http": "https://" + j.OTLPHTTP} {
		for name, c := range map[string]struct {
			tls configtls.Config
			ok  bool
		}{
			"known client":         {configtls.Config{CAFile: ours.file, CertFile: clientCertificate, KeyFile: clientKey}, true},
			"no certificate":       {configtls.Config{CAFile: ours.file}, false},
			"another's client":     {configtls.Config{CAFile: ours.file, CertFile: strangeCertificate, KeyFile: strangeKey}, false},
			"another's server":     {configtls.Config{CAFile: stranger.file, CertFile: clientCertificate, KeyFile: clientKey}, false},
			"only the system's CA": {configtls.Config{CertFile: clientCertificate, KeyFile: clientKey}, false},
		} {
			number++
			t.Run(protocol+" "+name, func(t *testing.T) {
				cfg := to(endpoint)
				cfg.QueueConfig, cfg.RetryConfig.Enabled = none(), false
				if cfg.http != nil {
					cfg.http.TLS.Config = c.tls
				} else {
					cfg.grpc.TLS.Insecure, cfg.grpc.TLS.Config = false, c.tls
				}
				err := start(t, cfg).ConsumeTraces(t.Context(), linked(number))
				if c.ok {
					require.NoError(t, err)
					requireStored(t, j, number)
					return
				}
				require.Error(t, err)
				require.Empty(t, stored(t, j, number))
			})
		}
	}
}
