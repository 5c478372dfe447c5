package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/otelcol"
)

// readConfiguration resolves and validates a configuration as the collector does,
// for the commands that look at it without running it.
func readConfiguration(ctx context.Context, set otelcol.CollectorSettings, uris []string) (cfg *otelcol.Config, err error) {
	if len(uris) == 0 {
		return nil, errors.New("--config: at least one must be given")
	}
	set.ConfigProviderSettings.ResolverSettings.URIs = uris
	set.ConfigProviderSettings.ResolverSettings.DefaultScheme = "env"
	factories, err := set.Factories()
	if err != nil {
		return nil, err
	}
	provider, err := otelcol.NewConfigProvider(set.ConfigProviderSettings)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }()
	if cfg, err = provider.Get(ctx, factories); err != nil {
		return nil, err
	}
	if err := confmap.Validate(cfg); err != nil {
		return nil, fmt.Errorf("invalid configuration: %w", err)
	}
	return cfg, nil
}
