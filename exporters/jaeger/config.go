package jaeger

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"go.opentelemetry.io/collector/component"
)

// Selection says which traces are sent.
type Selection string

const (
	// All sends every span.
	All Selection = "all"
	// Workflows sends the spans of traces that an agent, a model call, a tool or an
	// MCP or A2A peer took part in, as far as was known when the span came by.
	Workflows Selection = "workflows"
)

// Config of the exporter. The keys of the connection, the queue and the retries
// are those of the Collector's otlp_grpc exporter.
type Config struct {
	// ClientConfig says where Jaeger listens for OTLP over gRPC and how to get
	// there. The endpoint has no default: Jaeger's own, localhost:4317, is where
	// this collector's OTLP receiver listens.
	ClientConfig configgrpc.ClientConfig `mapstructure:",squash"`

	// TimeoutConfig bounds one attempt to send.
	TimeoutConfig exporterhelper.TimeoutConfig `mapstructure:",squash"`

	// RetryConfig says how long spans are offered again after a failure that may
	// pass.
	RetryConfig configretry.BackOffConfig `mapstructure:"retry_on_failure"`

	// QueueConfig holds spans while Jaeger is slow or away; with a storage extension
	// they survive a crash of the collector.
	QueueConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	// Traces is All or Workflows.
	Traces Selection `mapstructure:"traces"`

	// MaxTraces bounds the trace ids remembered as workflows when Traces is
	// Workflows. Beyond it a span is sent only if its own request shows an agent.
	MaxTraces int `mapstructure:"max_traces"`
}

func createDefaultConfig() component.Config {
	client := configgrpc.NewDefaultClientConfig()
	client.Compression = configcompression.TypeGzip
	return &Config{
		ClientConfig:  client,
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		RetryConfig:   configretry.NewDefaultBackOffConfig(),
		QueueConfig:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		Traces:        All,
		MaxTraces:     100_000,
	}
}

// Validate reports every rule that the configuration breaks.
func (c *Config) Validate() error {
	var errs []error
	if c.ClientConfig.Endpoint == "" {
		errs = append(errs, errors.New(`endpoint: must name where Jaeger listens for OTLP over gRPC, such as "localhost:14317"`))
	}
	if c.Traces != All && c.Traces != Workflows {
		errs = append(errs, fmt.Errorf("traces: %q must be %q or %q", c.Traces, All, Workflows))
	}
	if c.MaxTraces < 1 {
		errs = append(errs, fmt.Errorf("max_traces: %d must be at least 1", c.MaxTraces))
	}
	return errors.Join(errs...)
}
