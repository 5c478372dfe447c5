package anomaly

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadata"
)

func TestConfig(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		want *Config
		err  string
	}{
		"defaults": {want: createDefaultConfig().(*Config)},
		"all": {want: &Config{
			Include:   []string{`^agent\.`, `^process\.`},
			Exclude:   []string{`\.count$`},
			MaxSeries: 500,
			SeriesTTL: time.Hour,
			Threshold: 0.51,
			WarmUp:    100,
		}},
		"include_empty":   {err: "include must name at least one pattern"},
		"include_pattern": {err: `include[1] must be a regular expression, not "a(": error parsing regexp: missing closing ): ` + "`a(`"},
		"exclude_pattern": {err: `exclude[0] must be a regular expression, not "*": error parsing regexp: missing argument to repetition operator: ` + "`*`"},
		"max_series":      {err: "max_series must be at least 1, not 0"},
		"series_ttl":      {err: "series_ttl must be at least 1s, not 10ms"},
		"threshold_zero":  {err: "threshold must be above 0 and below 1, not 0"},
		"threshold_one":   {err: "threshold must be above 0 and below 1, not 1"},
		"threshold_nan":   {err: "threshold must be above 0 and below 1, not NaN"},
		"warm_up_short":   {err: "warm_up must be from 10 to 10000 points, not 9"},
		"warm_up_long":    {err: "warm_up must be from 10 to 10000 points, not 10001"},
		"several":         {err: "max_series must be at least 1, not -1\nwarm_up must be from 10 to 10000 points, not 0"},
		"storage":         {err: "decoding failed due to the following error(s):\n\n'anomaly.Config' has invalid keys: storage"},
	} {
		t.Run(name, func(t *testing.T) {
			sub, err := conf.Sub(component.NewIDWithName(metadata.Type, name).String())
			require.NoError(t, err)
			cfg := createDefaultConfig()
			if err = sub.Unmarshal(cfg); err == nil {
				err = confmap.Validate(cfg)
			}
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, cfg)
		})
	}
}
