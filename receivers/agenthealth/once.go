package agenthealth

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
)

// RunOnce runs every check of a valid configuration once, without a pipeline, and
// returns the verdicts in the order of the names. Nobody is listened for: a check
// that waits for heartbeats is Unknown. Extensions that checks name are those of
// host.
func (c *Config) RunOnce(ctx context.Context, host component.Host) ([]check.Snapshot, error) {
	checks, err := c.checks(ctx, host, new(heartbeat.Store))
	if err != nil {
		return nil, errors.Join(err, closeAll(checks))
	}
	return check.RunOnce(ctx, checks, c.settings())
}
