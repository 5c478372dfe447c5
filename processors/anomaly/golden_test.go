package anomaly

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadata"
)

var update = flag.Bool("update", false, "write what comes out as what is expected")

// Every folder of testdata is a case: what comes of input.yaml under config.yaml.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob(filepath.Join("testdata", "*", "input.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, inputs)
	for _, input := range inputs {
		dir := filepath.Dir(input)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			conf, err := confmaptest.LoadConf(filepath.Join(dir, "config.yaml"))
			require.NoError(t, err)
			cfg := createDefaultConfig()
			require.NoError(t, conf.Unmarshal(cfg))

			sink := new(consumertest.MetricsSink)
			p, err := NewFactory().CreateMetrics(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
			require.NoError(t, err)
			md, err := golden.ReadMetrics(input)
			require.NoError(t, err)
			require.NoError(t, p.ConsumeMetrics(t.Context(), md))
			require.NoError(t, p.Shutdown(t.Context()))
			actual := sink.AllMetrics()[0]

			path := filepath.Join(dir, "expected.yaml")
			if *update {
				text, err := golden.MarshalMetricsYAML(actual)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, text, 0o600))
			}
			expected, err := golden.ReadMetrics(path)
			require.NoError(t, err)
			require.NoError(t, pmetrictest.CompareMetrics(expected, actual,
				pmetrictest.IgnoreMetricFloatPrecision(9, scoreName)))
		})
	}
}
