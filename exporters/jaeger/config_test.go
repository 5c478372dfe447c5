package jaeger

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	want.ClientConfig.Endpoint = "jaeger.example:4317"
	require.Equal(t, want, cfg)
}

func TestKeysOfTheOTLPExporterAreUnderstood(t *testing.T) {
	cfg, err := load(t, "jaeger/full")
	require.NoError(t, err)
	authorization, _ := cfg.ClientConfig.Headers.Get("authorization")
	require.Equal(t, configopaque.String("Bearer secret"), authorization)
	require.Equal(t, "ca.pem", cfg.ClientConfig.TLS.CAFile)
	require.Equal(t, 7*time.Second, cfg.TimeoutConfig.Timeout)
	require.Zero(t, cfg.RetryConfig.MaxElapsedTime)
	require.Equal(t, "file_storage", cfg.QueueConfig.Get().StorageID.String())
	require.Equal(t, int64(5000), cfg.QueueConfig.Get().QueueSize)
	require.Equal(t, Workflows, cfg.Traces)
	require.Equal(t, 10, cfg.MaxTraces)
}

func TestConfigurationErrorsNameKeyValueAndRule(t *testing.T) {
	for name, want := range map[string]string{
		"jaeger/no_endpoint":       `endpoint: must name where Jaeger listens for OTLP over gRPC, such as "localhost:14317"`,
		"jaeger/unknown_selection": `traces: "some" must be "all" or "workflows"`,
		"jaeger/no_room":           `max_traces: 0 must be at least 1`,
		"jaeger/unknown_key":       `has invalid keys: endpiont`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.ErrorContains(t, err, want)
		})
	}
}
