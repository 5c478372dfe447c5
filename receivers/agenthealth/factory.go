package agenthealth

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"

	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

// NewFactory returns the factory of the agent_health receiver. Its metrics and
// its logs pipelines share one instance, so that each check runs once.
func NewFactory() receiver.Factory {
	instances := newRegistry()
	return xreceiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		xreceiver.WithMetrics(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
			r, err := instances.of(cfg.(*Config), set)
			if err != nil {
				return nil, err
			}
			r.metrics = next
			return r, nil
		}, metadata.MetricsStability),
		xreceiver.WithLogs(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			r, err := instances.of(cfg.(*Config), set)
			if err != nil {
				return nil, err
			}
			r.logs = next
			return r, nil
		}, metadata.LogsStability),
		xreceiver.WithDeprecatedTypeAlias(metadata.DeprecatedType),
	)
}

func createDefaultConfig() component.Config {
	return &Config{
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		Events:               metadata.DefaultEventsConfig(),
		CollectionInterval:   15 * time.Second,
		MaxConcurrentChecks:  64,
		MaxConcurrentPerHost: 8,
		HistorySize:          240,
		HeartbeatServer:      defaultHeartbeatServer(),
	}
}
