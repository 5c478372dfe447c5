package agenthealth

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// runOnce makes the probe of the block in testdata style and runs it.
func runOnce(t *testing.T, p prober) check.Result {
	t.Helper()
	probe, err := p.probe(t.Context(), surroundings{host: componenttest.NewNopHost(), name: "test"})
	require.NoError(t, err)
	result, err := probe.Run(t.Context())
	require.NoError(t, err)
	if closer, ok := probe.(check.Closer); ok {
		require.NoError(t, closer.Close())
	}
	return result
}

func TestHeadersAreSentToTheEndpoint(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "secret" || r.Host != "other.example" || r.Method != http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer server.Close()
	cfg := defaultHTTPConfig()
	cfg.Endpoint, cfg.Method = server.URL, http.MethodPut
	cfg.Headers = configopaque.MapList{{Name: "X-Key", Value: "secret"}, {Name: "host", Value: "other.example"}}
	require.Equal(t, check.Healthy, runOnce(t, &cfg).State)
}

func TestCredentialsDoNotFollowARedirect(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a request with key %q reached another host", r.Header.Get("X-Key"))
	}))
	defer stranger.Close()
	server := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	headers := configopaque.MapList{{Name: "X-Key", Value: "secret"}}

	web := defaultHTTPConfig()
	web.Endpoint, web.Headers = server.URL, headers
	require.Equal(t, check.Unhealthy, runOnce(t, &web).State)
	web.ExpectedStatus = []Status{"3xx"}
	require.Equal(t, check.Healthy, runOnce(t, &web).State)

	tools := defaultMCPConfig()
	tools.Endpoint, tools.Headers = server.URL, headers
	require.Equal(t, check.Unhealthy, runOnce(t, &tools).State)
}

func TestCertificatesAreVerifiedUnlessToldOtherwise(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	cfg := defaultHTTPConfig()
	cfg.Endpoint, cfg.ExpectedStatus = server.URL, []Status{"404"}
	cfg.MaxResponseTime = time.Minute
	result := runOnce(t, &cfg)
	require.Equal(t, check.Unhealthy, result.State)
	require.Equal(t, check.TLS, result.ErrorType)
	cfg.TLS.InsecureSkipVerify = true
	require.Equal(t, check.Healthy, runOnce(t, &cfg).State)
}

func TestHeadersStayAtTheOriginWhenRedirectsAreFollowed(t *testing.T) {
	stranger := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != "" {
			t.Errorf("a request with key %q reached another host", r.Header.Get("X-Key"))
		}
	}))
	defer stranger.Close()
	server := httptest.NewServer(http.RedirectHandler(stranger.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	web := defaultHTTPConfig()
	web.Endpoint, web.Headers, web.MaxRedirects = server.URL, configopaque.MapList{{Name: "X-Key", Value: "secret"}}, 1
	require.Equal(t, check.Healthy, runOnce(t, &web).State)
}

func TestNoBlockDialsTheMetadataServiceOfACloud(t *testing.T) {
	const metadata = "169.254.169.254"
	agent, web, tools := defaultA2AConfig(), defaultHTTPConfig(), defaultMCPConfig()
	agent.Endpoint, web.Endpoint, tools.Endpoint = "http://"+metadata, "http://"+metadata, "http://"+metadata
	db, cache, port, rpc := defaultPostgresConfig(), defaultRedisConfig(), defaultTCPConfig(), defaultGRPCConfig()
	db.Endpoint, db.Username, db.Database, db.TLS.Insecure = metadata+":5432", "u", "d", true
	cache.Endpoint, port.Endpoint, rpc.Endpoint = metadata+":6379", metadata+":80", metadata+":80"
	for name, p := range map[string]prober{"a2a": &agent, "http": &web, "mcp": &tools, "postgres": &db, "redis": &cache, "tcp": &port, "grpc": &rpc} {
		t.Run(name, func(t *testing.T) {
			result := runOnce(t, p)
			require.Equal(t, check.Unhealthy, result.State)
			require.Equal(t, check.Refused, result.ErrorType, result.Reason)
			require.Contains(t, result.Reason, "the address 169.254.169.254 is link-local or one of cloud metadata, and not allowed")
		})
	}
}
