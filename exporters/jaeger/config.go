package jaeger

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/watchkeeper/watchkeeper/internal/tracelink"
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

// Config of the exporter.
//
// The endpoint decides the protocol, and with it which further keys there are: an
// endpoint that begins with http:// or https:// is a URL and speaks OTLP over HTTP,
// with the keys of the Collector's HTTP client; any other speaks OTLP over gRPC,
// with the keys of its gRPC client. The endpoint has no default: Jaeger's own,
// localhost:4317, is where this collector's OTLP receiver listens.
type Config struct {
	// grpc and http are the client: exactly one is set. They are decoded by Unmarshal
	// and checked by Validate, because their keys stand beside the others.
	grpc *configgrpc.ClientConfig `mapstructure:"-"`
	http *confighttp.ClientConfig `mapstructure:"-"`

	// TimeoutConfig bounds one attempt to send, from dialling to the last byte of the
	// answer.
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

	// UIEndpoint is the address of Jaeger's page as people reach it. When it is set,
	// spans without a parent get a link to their trace there as an attribute.
	UIEndpoint string `mapstructure:"ui_endpoint"`
}

var (
	_ confmap.Validator   = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
	_ confmap.Marshaler   = Config{}
)

func createDefaultConfig() component.Config {
	return &Config{
		grpc:          defaultGRPCClient(),
		TimeoutConfig: exporterhelper.NewDefaultTimeoutConfig(),
		RetryConfig:   configretry.NewDefaultBackOffConfig(),
		QueueConfig:   configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		Traces:        All,
		MaxTraces:     100_000,
	}
}

// Validate reports every rule that the configuration breaks.
func (c *Config) Validate() error {
	errs := []error{c.validateClient()}
	if c.TimeoutConfig.Timeout == 0 {
		errs = append(errs, errors.New("timeout: 0s must be more than zero: a Jaeger that never answers would hold its spans for ever"))
	}
	if c.Traces != All && c.Traces != Workflows {
		errs = append(errs, fmt.Errorf("traces: %q must be %q or %q", c.Traces, All, Workflows))
	}
	if c.MaxTraces < 1 {
		errs = append(errs, fmt.Errorf("max_traces: %d must be at least 1", c.MaxTraces))
	}
	if _, err := tracelink.Parse(c.UIEndpoint); err != nil {
		errs = append(errs, fmt.Errorf("ui_endpoint: %w", err))
	}
	return errors.Join(errs...)
}
