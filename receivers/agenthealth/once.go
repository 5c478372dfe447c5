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
// that [Listens] is Unknown, with a reason that says so. Extensions that checks name
// are those of host.
func (c *Config) RunOnce(ctx context.Context, host component.Host) ([]check.Snapshot, error) {
	checks, err := c.checks(ctx, host, new(heartbeat.Store))
	if err != nil {
		return nil, errors.Join(err, closeAll(checks))
	}
	verdicts, err := check.RunOnce(ctx, checks, c.settings())
	for i := range verdicts {
		if Listens(verdicts[i].Type) {
			verdicts[i].State, verdicts[i].ErrorType = check.Unknown, check.None
			verdicts[i].Reason, verdicts[i].Steps = "only a running collector hears heartbeats", nil
		}
	}
	return verdicts, err
}

// Listens reports whether checks of a type, as [check.Snapshot] names it, ask nobody
// and wait to be told, so that a single run of one says nothing of its target.
func Listens(checkType string) bool { return checkType == "heartbeat" }
