package agentprocess

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/xreceiver"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// NewFactory returns the factory of the agent_process receiver. Its metrics and
// its logs pipelines share one instance, so that processes are read once.
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
	controller := scraperhelper.NewDefaultControllerConfig()
	controller.CollectionInterval = 15 * time.Second
	return &Config{
		ControllerConfig:     controller,
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		Events:               metadata.DefaultEventsConfig(),
		RootPath:             "/",
		MaxGroups:            100,
		MaxProcesses:         50_000,
		Linger:               5 * time.Minute,
		OrphanAfter:          10 * time.Second,
		PSSInterval:          time.Minute,
		PSSBudget:            100 * time.Millisecond,
		KeptDescriptors:      8000,
		Service:              Service{Name: "watchkeeper"},
	}
}
