package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/mcp"
)

// MCPConfig asks an MCP server over streamable HTTP.
type MCPConfig struct {
	ClientConfig `mapstructure:",squash"`
	// MaxResponseTime is how long a run may take before the state is degraded;
	// zero switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MaxTools is how many tools are counted; a server that lists more is degraded.
	MaxTools int `mapstructure:"max_tools"`
}

func defaultMCPConfig() MCPConfig {
	d := mcp.DefaultSettings()
	return MCPConfig{MaxResponseTime: d.MaxResponseTime, MaxTools: d.MaxTools}
}

// Validate checks the whole block.
func (c *MCPConfig) Validate() error {
	errs := []error{validateURL(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime)}
	if c.MaxTools < 1 {
		errs = append(errs, fmt.Errorf("max_tools: must be at least 1, got %d", c.MaxTools))
	}
	return errors.Join(errs...)
}

func (c *MCPConfig) probe(ctx context.Context, host component.Host) (check.Probe, error) {
	client, err := c.client(ctx, host, keptConnections)
	if err != nil {
		return nil, err
	}
	return mcp.New(mcp.Settings{
		Endpoint: c.Endpoint, Client: client, MaxResponseTime: c.MaxResponseTime, MaxTools: c.MaxTools,
	})
}
