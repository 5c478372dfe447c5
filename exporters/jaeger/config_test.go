package jaeger

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func load(t *testing.T, name string) (*Config, error) {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := all.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := sub.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestEndpointIsTheOnlyKeyThatMustBeSet(t *testing.T) {
	cfg, err := load(t, "jaeger")
	require.NoError(t, err)
	want := createDefaultConfig().(*Config)
	want.grpc.Endpoint = "jaeger.example:4317"
	require.Equal(t, want, cfg)
}

func TestKeysOfTheGRPCClientAreUnderstood(t *testing.T) {
	cfg, err := load(t, "jaeger/grpc")
	require.NoError(t, err)
	require.Nil(t, cfg.http)
	require.Equal(t, "jaeger.example:4317", cfg.grpc.Endpoint)
	authorization, _ := cfg.grpc.Headers.Get("authorization")
	require.Equal(t, configopaque.String("Bearer secret"), authorization)
	require.Equal(t, "bearertokenauth", cfg.grpc.Auth.Get().AuthenticatorID.String())
	require.Equal(t, "ca.pem", cfg.grpc.TLS.CAFile)
	require.Equal(t, "cert.pem", cfg.grpc.TLS.CertFile)
	require.Equal(t, 30*time.Second, cfg.grpc.Keepalive.Get().Time)
	require.Equal(t, configcompression.TypeGzip, cfg.grpc.Compression)
	requireShared(t, cfg)
}

func TestAnEndpointThatIsAURLBringsTheKeysOfTheHTTPClient(t *testing.T) {
	cfg, err := load(t, "jaeger/http")
	require.NoError(t, err)
	require.Nil(t, cfg.grpc)
	require.Equal(t, "https://jaeger.example:4318/below/v1/traces", tracesURL(cfg.http))
	authorization, _ := cfg.http.Headers.Get("authorization")
	require.Equal(t, configopaque.String("Bearer secret"), authorization)
	require.Equal(t, "basicauth", cfg.http.Auth.Get().AuthenticatorID.String())
	require.Equal(t, "ca.pem", cfg.http.TLS.CAFile)
	require.Equal(t, "cert.pem", cfg.http.TLS.CertFile)
	require.Equal(t, "http://proxy.example:3128", cfg.http.ProxyURL)
	require.Equal(t, configcompression.Type("zstd"), cfg.http.Compression)
	require.Zero(t, cfg.http.Timeout, "the context bounds an attempt")
	requireShared(t, cfg)
}

func requireShared(t *testing.T, cfg *Config) {
	t.Helper()
	require.Equal(t, 7*time.Second, cfg.TimeoutConfig.Timeout)
	require.True(t, cfg.RetryConfig.Enabled)
	require.Zero(t, cfg.RetryConfig.MaxElapsedTime)
	require.Equal(t, "file_storage", cfg.QueueConfig.Get().StorageID.String())
	require.Equal(t, int64(5000), cfg.QueueConfig.Get().QueueSize)
	require.Equal(t, Workflows, cfg.Traces)
	require.Equal(t, 10, cfg.MaxTraces)
	require.Equal(t, "https://jaeger.example/ui", cfg.UIEndpoint)
}

func TestTheEndpointAloneDecidesTheProtocol(t *testing.T) {
	for name, url := range map[string]string{
		"jaeger":                             "",
		"jaeger/dns":                         "",
		"jaeger/unix":                        "",
		"jaeger/http_in_capitals":            "HTTP://jaeger.example/v1/traces",
		"jaeger/http_unencrypted_as_shipped": "http://jaeger.example:4318/v1/traces",
	} {
		cfg, err := load(t, name)
		require.NoError(t, err, name)
		if url == "" {
			require.NotNil(t, cfg.grpc, name)
			require.Nil(t, cfg.http, name)
			continue
		}
		require.Nil(t, cfg.grpc, name)
		require.Equal(t, url, tracesURL(cfg.http), name)
	}
}

func TestConfigurationErrorsNameKeyValueAndRule(t *testing.T) {
	const (
		failed      = "decoding failed due to the following error(s):\n\n"
		unknownGRPC = failed + "'' " + failed + "'jaeger.grpcSettings' has invalid keys: "
		unknownHTTP = failed + "'' " + failed + "'jaeger.httpSettings' has invalid keys: "
	)
	for name, want := range map[string]string{
		"jaeger/no_endpoint":             `endpoint: must name where Jaeger listens for OTLP: "localhost:14317" for gRPC, "http://localhost:14318" for HTTP`,
		"jaeger/no_port":                 `endpoint: "jaeger.example" must be host:port for gRPC, or begin with http:// or https:// for HTTP`,
		"jaeger/bad_port":                `endpoint: "jaeger.example:otlp" must be host:port for gRPC, or begin with http:// or https:// for HTTP`,
		"jaeger/url_without_host":        `endpoint: "http://:4318" must name a host`,
		"jaeger/url_with_path_of_traces": `endpoint: "http://jaeger.example:4318/v1/traces/" must end before /v1/traces, which is added`,
		"jaeger/url_with_query":          `endpoint: "http://jaeger.example:4318?tenant=a" must end before the query`,
		"jaeger/url_with_password":       `endpoint: must not hold a user or a password: use auth or headers`,
		"jaeger/url_that_is_none":        `endpoint: must be a URL such as http://localhost:14318`,
		"jaeger/certificates_without_encryption": `tls: the endpoint "http://jaeger.example:4318" is not encrypted, so that certificates are of no use: ` +
			`write https://`,
		"jaeger/versions_crossed": "tls: invalid TLS configuration: min_version cannot be greater than max_version\n" +
			"tls::config: invalid TLS configuration: min_version cannot be greater than max_version",
		"jaeger/no_timeout":           `timeout: 0s must be more than zero: a Jaeger that never answers would hold its spans for ever`,
		"jaeger/unknown_selection":    `traces: "some" must be "all" or "workflows"`,
		"jaeger/no_room":              `max_traces: 0 must be at least 1`,
		"jaeger/page_without_scheme":  `ui_endpoint: "localhost:16686" must begin with http:// or https://`,
		"jaeger/page_with_password":   `ui_endpoint: must not hold a user or a password`,
		"jaeger/unknown_key":          unknownGRPC + `endpiont`,
		"jaeger/unknown_key_of_http":  unknownHTTP + `endpiont`,
		"jaeger/key_of_http_for_grpc": unknownGRPC + `proxy_url`,
		"jaeger/key_of_grpc_for_http": unknownHTTP + `keepalive`,
		"jaeger/block_of_http":        unknownGRPC + `http`,
		"jaeger/two_faults": "endpoint: \"jaeger.example\" must be host:port for gRPC, or begin with http:// or https:// for HTTP\n" +
			`traces: "some" must be "all" or "workflows"`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.EqualError(t, err, want)
		})
	}
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	for _, name := range []string{"jaeger", "jaeger/grpc", "jaeger/http"} {
		cfg, err := load(t, name)
		require.NoError(t, err)
		whole := confmap.New()
		require.NoError(t, whole.Marshal(struct {
			Exporters map[string]any `mapstructure:"exporters"`
		}{map[string]any{"jaeger": cfg}}))
		written, err := whole.Sub("exporters::jaeger")
		require.NoError(t, err)

		read := createDefaultConfig().(*Config)
		require.NoError(t, written.Unmarshal(read))
		// The Collector writes what a queue would batch with as if it did.
		read.QueueConfig = cfg.QueueConfig
		// Secrets are not written.
		if cfg.grpc != nil {
			cfg.grpc.Headers, read.grpc.Headers = nil, nil
		} else {
			cfg.http.Headers, read.http.Headers = nil, nil
		}
		require.Equal(t, cfg, read, name)
	}
}
