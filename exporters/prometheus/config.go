package prometheus

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Config of the exporter. The keys of the contrib exporter have the meaning that
// it gives them; MaxSeries, Overflow, MaxLabelValueLength, DeltaTemporality,
// ResourceAttributesAsLabels and CreatedLines are ours.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`

	// QueueBatchConfig puts a queue before the exporter. Writing to memory needs
	// none: it is off.
	QueueBatchConfig configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`

	// Namespace goes before the name of every metric, with an underscore.
	Namespace string `mapstructure:"namespace"`

	// ConstLabels are put on every series. They win over labels of the same name,
	// which then get the prefix exported_.
	ConstLabels map[string]string `mapstructure:"const_labels"`

	// SendTimestamps writes the time of each point. Prometheus then no longer sees
	// a series that stops as stale at once, but only after five minutes.
	SendTimestamps bool `mapstructure:"send_timestamps"`

	// MetricExpiration is how long a gauge is exposed after its last point, and any
	// other series after the last point of its resource.
	MetricExpiration time.Duration `mapstructure:"metric_expiration"`

	// MaxSeries bounds the series kept; a histogram or summary counts as one. See
	// Overflow for the points of new series past it.
	MaxSeries int `mapstructure:"max_series"`

	// Overflow says what becomes of points for which there is no room: aggregate
	// puts them together in one series of their metric, drop does not. Either
	// counts them.
	Overflow Overflow `mapstructure:"overflow"`

	// MaxLabelValueLength is the most bytes of a label's value; longer ones are cut
	// and end in a hash of the whole. Zero is no limit.
	MaxLabelValueLength int `mapstructure:"max_label_value_length"`

	// DeltaTemporality says what becomes of deltas: accumulate adds them up for
	// each series, drop drops and counts them.
	DeltaTemporality DeltaTemporality `mapstructure:"delta_temporality"`

	// ResourceToTelemetry puts resource attributes on each series, as labels.
	ResourceToTelemetry ResourceToTelemetry `mapstructure:"resource_to_telemetry_conversion"`

	// ResourceAttributesAsLabels names resource attributes that become labels of
	// each series, without all the others.
	ResourceAttributesAsLabels []string `mapstructure:"resource_attributes_as_labels"`

	// EnableOpenMetrics offers OpenMetrics to clients that prefer it. Exemplars are
	// only in it and in protocol buffers.
	EnableOpenMetrics bool `mapstructure:"enable_open_metrics"`

	// CreatedLines adds _created lines to OpenMetrics, which some versions of
	// Prometheus store as series. Protocol buffers have that time always.
	CreatedLines bool `mapstructure:"created_lines"`

	// WithoutScopeInfo leaves the otel_scope_ labels out.
	WithoutScopeInfo bool `mapstructure:"without_scope_info"`

	// AddMetricSuffixes appends unit and type to names. It counts only where
	// TranslationStrategy is empty.
	AddMetricSuffixes bool `mapstructure:"add_metric_suffixes"`

	// TranslationStrategy says how names of metrics and attributes become those of
	// Prometheus. Empty stands for UnderscoreEscapingWithSuffixes, or
	// UnderscoreEscapingWithoutSuffixes where AddMetricSuffixes is off.
	TranslationStrategy otlptranslator.TranslationStrategyOption `mapstructure:"translation_strategy"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// ResourceToTelemetry is the block resource_to_telemetry_conversion.
type ResourceToTelemetry struct {
	// Enabled makes every resource attribute a label of every series.
	Enabled bool `mapstructure:"enabled"`

	// ExcludeServiceAttributes leaves out service.name, service.namespace and
	// service.instance.id, which are in job and instance.
	ExcludeServiceAttributes bool `mapstructure:"exclude_service_attributes"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// Overflow is a value of the key overflow.
type Overflow string

// The values of overflow.
const (
	OverflowAggregate Overflow = "aggregate"
	OverflowDrop      Overflow = "drop"
)

// DeltaTemporality is a value of the key delta_temporality.
type DeltaTemporality string

// The values of delta_temporality.
const (
	DeltaAccumulate DeltaTemporality = "accumulate"
	DeltaDrop       DeltaTemporality = "drop"
)

// Validate checks what can be checked without opening anything.
func (c *Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if c.NetAddr.Endpoint == "" {
		refuse("endpoint: must not be empty")
	}
	if c.MetricExpiration <= 0 {
		refuse("metric_expiration: %s must be more than zero", c.MetricExpiration)
	}
	if c.MaxSeries < 1 {
		refuse("max_series: %d must be at least 1", c.MaxSeries)
	}
	if c.Overflow != OverflowAggregate && c.Overflow != OverflowDrop {
		refuse("overflow: %q must be %s or %s", c.Overflow, OverflowAggregate, OverflowDrop)
	}
	if c.MaxLabelValueLength != 0 && c.MaxLabelValueLength < minLabelValueLength {
		refuse("max_label_value_length: %d must be 0 or at least %d", c.MaxLabelValueLength, minLabelValueLength)
	}
	if c.DeltaTemporality != DeltaAccumulate && c.DeltaTemporality != DeltaDrop {
		refuse("delta_temporality: %q must be %s or %s", c.DeltaTemporality, DeltaAccumulate, DeltaDrop)
	}
	if slices.Contains(c.ResourceAttributesAsLabels, "") {
		refuse("resource_attributes_as_labels: \"\" must be the name of an attribute")
	}
	switch c.TranslationStrategy {
	case "", otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
		otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation:
	default:
		refuse("translation_strategy: %q must be one of %s, %s, %s, %s", c.TranslationStrategy,
			otlptranslator.UnderscoreEscapingWithSuffixes, otlptranslator.UnderscoreEscapingWithoutSuffixes,
			otlptranslator.NoUTF8EscapingWithSuffixes, otlptranslator.NoTranslation)
	}
	if _, err := newNaming(c); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// minLabelValueLength leaves room for the hash at the end of a value that was
// cut, and something before it.
const minLabelValueLength = 32

// strategy returns the translation strategy in force.
func (c *Config) strategy() otlptranslator.TranslationStrategyOption {
	switch {
	case c.TranslationStrategy != "":
		return c.TranslationStrategy
	case c.AddMetricSuffixes:
		return otlptranslator.UnderscoreEscapingWithSuffixes
	default:
		return otlptranslator.UnderscoreEscapingWithoutSuffixes
	}
}

func createDefaultConfig() component.Config {
	server := confighttp.NewDefaultServerConfig()
	server.NetAddr.Endpoint = "localhost:8889"
	// A scrape request is one small packet; who drips it is let go. Connections
	// may idle for longer than the usual interval between two scrapes.
	server.ReadHeaderTimeout = 10 * time.Second
	server.ReadTimeout = 20 * time.Second
	server.WriteTimeout = 30 * time.Second
	server.IdleTimeout = 2 * time.Minute
	return &Config{
		ServerConfig:        server,
		QueueBatchConfig:    configoptional.Default(exporterhelper.NewDefaultQueueConfig()),
		MetricExpiration:    5 * time.Minute,
		MaxSeries:           500_000,
		Overflow:            OverflowAggregate,
		MaxLabelValueLength: 2048,
		DeltaTemporality:    DeltaAccumulate,
		AddMetricSuffixes:   true,
	}
}
