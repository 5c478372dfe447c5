package agentprocess

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadatatest"
)

func config(root string, groups ...Group) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.RootPath = root
	cfg.Groups = groups
	return cfg
}

// start makes a scraper that counts what it cannot read in telemetry, which may
// be nil.
func start(t testing.TB, cfg *Config, telemetry *componenttest.Telemetry) *processScraper {
	return open(t, cfg, telemetry, nil)
}

// open makes a scraper whose events go to logs, unless that is nil, when the test
// sends them.
func open(t testing.TB, cfg *Config, telemetry *componenttest.Telemetry, logs consumer.Logs) *processScraper {
	set := receivertest.NewNopSettings(metadata.Type)
	if telemetry != nil {
		set = metadatatest.NewSettings(telemetry)
	}
	set.BuildInfo.Version = "9.9.9"
	r, err := newAgentProcess(cfg, set, func() {})
	require.NoError(t, err)
	r.metrics, r.logs = consumertest.NewNop(), logs
	require.NoError(t, r.open())
	t.Cleanup(func() {
		require.NoError(t, r.close())
		r.telemetry.Shutdown()
	})
	return r.scraper
}

func scrape(t testing.TB, s *processScraper) pmetric.Metrics {
	metrics, err := s.scrape(t.Context())
	require.NoError(t, err)
	return metrics
}

// series lists the points of one metric by the values of their group and state.
func series(metrics pmetric.Metrics, name string) map[string]float64 {
	points := map[string]float64{}
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				if m.Name() != name {
					continue
				}
				var data pmetric.NumberDataPointSlice
				if m.Type() == pmetric.MetricTypeGauge {
					data = m.Gauge().DataPoints()
				} else {
					data = m.Sum().DataPoints()
				}
				for _, p := range data.All() {
					group, _ := p.Attributes().Get("process.group")
					key := group.Str()
					for _, name := range []string{"process.rank", "state", "cpu.mode", "disk.io.direction", "process.context_switch.type", "system.paging.fault.type", "process.command", "kind"} {
						if value, ok := p.Attributes().Get(name); ok {
							key += "/" + value.Str()
						}
					}
					if p.ValueType() == pmetric.NumberDataPointValueTypeDouble {
						points[key] = p.DoubleValue()
					} else {
						points[key] = float64(p.IntValue())
					}
				}
			}
		}
	}
	return points
}
