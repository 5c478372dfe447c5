package workflow

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
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
	c, err := load(t, "workflow")
	require.NoError(t, err)
	require.Equal(t, createDefaultConfig(), c)
	require.Equal(t, 50_000, c.MaxWorkflows)
	require.False(t, c.KeepContent)
	require.Zero(t, c.Join)
}

func TestEveryKey(t *testing.T) {
	c, err := load(t, "workflow/all")
	require.NoError(t, err)
	require.Equal(t, &Config{
		MetricsInterval: 5 * time.Second, MaxSeries: 100, SeriesTTL: time.Hour,
		MaxWorkflows: 1000, MaxSpans: 500, Settle: time.Second, DetachedTimeout: 20 * time.Second, IdleTimeout: 10 * time.Minute,
		MaxDuration: time.Hour, StallTimeout: time.Minute,
		Loop: Loop{Repeats: 3, MaxPeriod: 4, Cycles: 5, Stuck: 7},
		Runaway: Runaway{
			TokensPerMinute: 1000, CostPerMinute: 0.5, ContextGrowth: 2, ContextCalls: 4, ContextMin: 10, ChainLength: 20,
		},
		Join:        Join{Links: true, Tasks: true, Conversations: true},
		KeepContent: true, PricesFile: "prices.csv", UIEndpoint: "http://localhost:16686",
	}, c)
	s := c.assembly()
	require.Equal(t, 7, s.Loop.Stuck)
	require.Equal(t, int64(10), s.Runaway.ContextMin)
	require.True(t, s.Join.Tasks)
}

func TestEveryDetectorCanBeTurnedOff(t *testing.T) {
	_, err := load(t, "workflow/off")
	require.NoError(t, err)
}

func TestEveryBrokenRuleIsNamedWithItsKeyAndValue(t *testing.T) {
	_, err := load(t, "workflow/wrong")
	require.Equal(t, []string{
		`metrics_interval: 1ms must be at least 100ms`,
		`max_series: 0 must be at least 1`,
		`series_ttl: 1µs must be 0 or at least metrics_interval, 1ms`,
		`max_workflows: 0 must be at least 1`,
		`max_spans: -1 must be at least 1`,
		`settle: 0s must be more than 0`,
		`detached_timeout: -1s must be at least settle, 0s`,
		`idle_timeout: 0s must be more than settle, 0s, and at least detached_timeout, -1s`,
		`max_duration: -1s must be at least idle_timeout, 0s`,
		`stall_timeout: -1s must not be negative`,
		`loop::repeats: 1 must be 0 or at least 2`,
		`loop::max_period: 65 must be 0 or from 2 to 64`,
		`loop::cycles: 1 must be at least 2`,
		`loop::stuck: 1 must be 0 or at least 2`,
		`runaway::tokens_per_minute: -1 must not be negative`,
		`runaway::cost_per_minute: -0.5 must not be negative`,
		`runaway::context_growth: 1 must be 0 or more than 1`,
		`runaway::context_calls: 1 must be at least 2`,
		`runaway::context_min: -1 must not be negative`,
		`runaway::chain_length: -1 must not be negative`,
		`ui_endpoint: "localhost:16686" must begin with http:// or https://`,
	}, strings.Split(err.Error(), "\n"))
	_, err = load(t, "workflow/unknown")
	require.ErrorContains(t, err, "agents")
}
