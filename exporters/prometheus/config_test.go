package prometheus

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

func load(t *testing.T, key string) (*Config, error) {
	file, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	part, err := file.Sub(key)
	require.NoError(t, err)
	c := createDefaultConfig().(*Config)
	if err := part.Unmarshal(c); err != nil {
		return nil, err
	}
	return c, confmap.Validate(c)
}

func TestDefaults(t *testing.T) {
	c, err := load(t, "prometheus")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), c)
	require.Equal(t, "localhost:8889", c.NetAddr.Endpoint)
	require.Equal(t, 5*time.Minute, c.MetricExpiration)
	require.Equal(t, 500_000, c.MaxSeries)
	require.Equal(t, otlptranslator.UnderscoreEscapingWithSuffixes, c.strategy())
	for _, timeout := range []time.Duration{c.ReadTimeout, c.ReadHeaderTimeout, c.WriteTimeout, c.IdleTimeout} {
		require.Positive(t, timeout)
	}
}

func TestEveryKey(t *testing.T) {
	c, err := load(t, "prometheus/all")
	require.NoError(t, err)
	want := createDefaultConfig().(*Config)
	want.NetAddr.Endpoint = "localhost:9999"
	want.WriteTimeout = 5 * time.Second
	want.Namespace = "fleet"
	want.ConstLabels = map[string]string{"cluster": "east"}
	want.SendTimestamps = true
	want.MetricExpiration = time.Hour
	want.MaxSeries = 10
	want.Overflow = OverflowDrop
	want.MaxLabelValueLength = 100
	want.DeltaTemporality = DeltaDrop
	want.ResourceToTelemetry.Enabled = true
	want.ResourceToTelemetry.ExcludeServiceAttributes = true
	want.ResourceAttributesAsLabels = []string{"host.name"}
	want.EnableOpenMetrics = true
	want.CreatedLines = true
	queue := exporterhelper.NewDefaultQueueConfig()
	queue.QueueSize = 7
	want.QueueBatchConfig = configoptional.Some(queue)
	want.WithoutScopeInfo = true
	want.AddMetricSuffixes = false
	want.TranslationStrategy = otlptranslator.NoTranslation
	require.Equal(t, want, c)
	require.Equal(t, otlptranslator.NoTranslation, c.strategy())
}

func TestFaultsNameKeyValueAndRule(t *testing.T) {
	for key, want := range map[string]string{
		"endpoint":                      `endpoint: must not be empty`,
		"namespace":                     `namespace: "--" has no letter or digit that a metric's name may have`,
		"const_labels_name":             `const_labels: "__name__" cannot be the name of a label`,
		"const_labels_twice":            `const_labels: "a-b" and "a.b" both become the label "a_b"`,
		"metric_expiration":             `metric_expiration: -5m0s must be more than zero`,
		"max_series":                    `max_series: 0 must be at least 1`,
		"two_faults":                    "metric_expiration: 0s must be more than zero\nmax_series: -1 must be at least 1",
		"unknown_key":                   "decoding failed due to the following error(s):\n\n'prometheus.Config' has invalid keys: resource_constant_labels",
		"overflow":                      `overflow: "keep" must be aggregate or drop`,
		"max_label_value_length":        `max_label_value_length: 31 must be 0 or at least 32`,
		"delta_temporality":             `delta_temporality: "cumulative" must be accumulate or drop`,
		"resource_attributes_as_labels": `resource_attributes_as_labels: "" must be the name of an attribute`,
		"translation_strategy": `translation_strategy: "underscores" must be one of UnderscoreEscapingWithSuffixes, ` +
			`UnderscoreEscapingWithoutSuffixes, NoUTF8EscapingWithSuffixes, NoTranslation`,
	} {
		t.Run(key, func(t *testing.T) {
			_, err := load(t, "prometheus/"+key)
			require.EqualError(t, err, want)
		})
	}
}
