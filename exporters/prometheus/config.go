package prometheus

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
)

// Config of the exporter. Keys have the meaning that the contrib exporter gives
// them, but for MaxSeries, which is ours.
type Config struct {
	confighttp.ServerConfig `mapstructure:",squash"`

	// Namespace goes before the name of every metric, with an underscore.
	Namespace string `mapstructure:"namespace"`

	// ConstLabels are put on every series. They win over labels of the same name,
	// which then get the prefix exported_.
	ConstLabels map[string]string `mapstructure:"const_labels"`

	// SendTimestamps writes the time of each point. Prometheus then no longer sees
	// a series that stops as stale at once, but only after five minutes.
	SendTimestamps bool `mapstructure:"send_timestamps"`

	// MetricExpiration is how long a series is exposed after its last point.
	MetricExpiration time.Duration `mapstructure:"metric_expiration"`

	// MaxSeries bounds the series kept; a histogram or summary counts as one.
	// Points of new series past it are dropped and counted.
	MaxSeries int `mapstructure:"max_series"`

	// ResourceToTelemetry puts resource attributes on each series, as labels.
	ResourceToTelemetry ResourceToTelemetry `mapstructure:"resource_to_telemetry_conversion"`

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

	// prevent unkeyed literal initialization
	_ struct{}
}

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
		ServerConfig:      server,
		MetricExpiration:  5 * time.Minute,
		MaxSeries:         500_000,
		AddMetricSuffixes: true,
	}
}
