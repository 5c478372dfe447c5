package journal

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/watchkeeper/watchkeeper/processors/journal/internal/metadata"
)

func TestConfig(t *testing.T) {
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	plain, named := component.MustNewID("file_storage"), component.MustNewIDWithName("file_storage", "traces")
	for name, c := range map[string]struct {
		want *Config
		err  string
	}{
		"all":        {want: &Config{Storage: &named, Hold: time.Minute, MaxBytes: 1000}},
		"defaults":   {want: &Config{Storage: &plain, Hold: 5 * time.Minute, MaxBytes: 1 << 30}},
		"no_storage": {err: "storage: must name a storage extension, such as file_storage"},
		"several":    {err: "hold: 1ms must be at least 1s\nmax_bytes: 0 must be at least 1"},
		"unknown":    {err: "decoding failed due to the following error(s):\n\n'journal.Config' has invalid keys: retain"},
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
