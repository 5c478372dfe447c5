package workflow

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
)

// NewFactory returns the factory of the workflow connector. The outputs that it
// makes for one configuration share one engine.
func NewFactory() connector.Factory {
	engines := &registry{}
	return connector.NewFactory(metadata.Type, createDefaultConfig,
		connector.WithTracesToTraces(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Traces) (connector.Traces, error) {
			return engines.output(set, cfg.(*Config), func(e *engine) { e.traces = next })
		}, metadata.TracesToTracesStability),
		connector.WithTracesToMetrics(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Traces, error) {
			return engines.output(set, cfg.(*Config), func(e *engine) { e.metrics = next })
		}, metadata.TracesToMetricsStability),
		connector.WithTracesToLogs(func(_ context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Traces, error) {
			return engines.output(set, cfg.(*Config), func(e *engine) { e.logs = next })
		}, metadata.TracesToLogsStability),
	)
}
