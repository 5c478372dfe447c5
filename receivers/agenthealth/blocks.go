package agenthealth

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// prober is a block of the configuration that can make the probe it describes.
type prober interface {
	// probe makes the probe without asking the target anything.
	probe(ctx context.Context, host component.Host) (check.Probe, error)
}

// block is one of the alternatives in a check.
type block struct {
	key    string
	prober prober // nil when the block is not set
}

// blocks lists the alternatives. A new kind of check is a package below
// internal/check, an optional block in CheckConfig, and a line here.
func (c *CheckConfig) blocks() []block {
	return []block{
		{"http", set(&c.HTTP)},
		{"mcp", set(&c.MCP)},
		{"postgres", set(&c.Postgres)},
		{"redis", set(&c.Redis)},
		{"system", set(&c.System)},
	}
}

func set[T any, P interface {
	*T
	prober
}](o *configoptional.Optional[T]) prober {
	if value := o.Get(); value != nil {
		return P(value)
	}
	return nil
}

// checks makes the checks that a valid configuration describes.
func (c *Config) checks(ctx context.Context, host component.Host) ([]check.Check, error) {
	var out []check.Check
	for _, name := range c.names() {
		cfg := c.Checks[name]
		for _, b := range cfg.blocks() {
			if b.prober == nil {
				continue
			}
			probe, err := b.prober.probe(ctx, host)
			if err != nil {
				return out, fmt.Errorf("checks::%s::%s: %w", name, b.key, err)
			}
			one := check.Check{
				Name: name, Type: b.key, Critical: cfg.Critical,
				Interval: cfg.Interval, Timeout: cfg.Timeout, Probe: probe,
			}
			if one.Interval == 0 {
				one.Interval = c.CollectionInterval
			}
			out = append(out, one)
		}
	}
	return out, nil
}
