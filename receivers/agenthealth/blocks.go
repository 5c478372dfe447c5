package agenthealth

import (
	"context"
	"fmt"
	"net"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
)

// prober is a block of the configuration that can make the probe it describes.
type prober interface {
	// probe makes the probe without asking the target anything.
	probe(context.Context, surroundings) (check.Probe, error)
	// target is the host that the probe asks, or empty.
	target() string
}

// limited is a prober whose probe measures what becomes a failure at a limit.
type limited interface {
	limits() []check.Limit
}

// surroundings are what a probe gets from outside its block.
type surroundings struct {
	host component.Host
	// name is that of the check.
	name string
	// allowLinkLocal lets the probe dial the addresses that dialer refuses otherwise.
	allowLinkLocal bool
	// beats takes the heartbeats.
	beats *heartbeat.Store
}

func (s surroundings) dialer() *net.Dialer { return guard.Dialer(s.allowLinkLocal) }

// block is one of the alternatives in a check.
type block struct {
	key    string
	prober prober // nil when the block is not set
}

// blocks lists the alternatives. A new kind of check is a package below
// internal/check, an optional block in CheckConfig, and a line here.
func (c *CheckConfig) blocks() []block {
	return []block{
		{"a2a", set(&c.A2A)},
		{"grpc", set(&c.GRPC)},
		{"heartbeat", set(&c.Heartbeat)},
		{"http", set(&c.HTTP)},
		{"mcp", set(&c.MCP)},
		{"postgres", set(&c.Postgres)},
		{"redis", set(&c.Redis)},
		{"system", set(&c.System)},
		{"tcp", set(&c.TCP)},
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
func (c *Config) checks(ctx context.Context, host component.Host, beats *heartbeat.Store) ([]check.Check, error) {
	var out []check.Check
	for _, name := range c.names() {
		cfg := c.Checks[name]
		for _, b := range cfg.blocks() {
			if b.prober == nil {
				continue
			}
			probe, err := b.prober.probe(ctx, surroundings{host: host, name: name, allowLinkLocal: cfg.AllowLinkLocal, beats: beats})
			if err != nil {
				return out, fmt.Errorf("checks::%s::%s: %w", name, b.key, err)
			}
			one := check.Check{
				Name: name, Type: b.key, Critical: cfg.Critical,
				Interval: cfg.Interval, Timeout: cfg.Timeout, Host: b.prober.target(),
				FailuresToUnhealthy: cfg.FailuresToUnhealthy, SuccessesToHealthy: cfg.SuccessesToHealthy,
				DependsOn: cfg.DependsOn, Probe: probe,
			}
			if one.Interval == 0 {
				one.Interval = c.CollectionInterval
			}
			if l, ok := b.prober.(limited); ok {
				one.Limits = l.limits()
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// settings are those of the engine.
func (c *Config) settings() check.Settings {
	return check.Settings{
		MaxConcurrent: c.MaxConcurrentChecks, MaxConcurrentPerHost: c.MaxConcurrentPerHost, HistorySize: c.HistorySize,
	}
}

// hostOf returns the host of a valid host:port.
func hostOf(endpoint string) string {
	host, _, _ := net.SplitHostPort(endpoint)
	return host
}
