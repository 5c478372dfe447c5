package check

import (
	"context"
	"sync"
)

// RunOnce runs every check once, with the timeouts and bounds of an Engine, closes
// the probes, and returns what was found in the order of the checks. One run
// decides, whatever number of failures or successes a check asks for. A check that
// was not run because ctx was done is Unknown. The error is that of [New], which
// leaves the probes open, or of closing the probes.
func RunOnce(ctx context.Context, checks []Check, settings Settings) ([]Snapshot, error) {
	once := make([]Check, len(checks))
	for i, c := range checks {
		c.FailuresToUnhealthy, c.SuccessesToHealthy = 1, 1
		once[i] = c
	}
	e, err := New(once, settings)
	if err != nil {
		return nil, err
	}
	var runs sync.WaitGroup
	for _, r := range e.runners {
		runs.Go(func() { r.tick(ctx, e.slots) })
	}
	runs.Wait()
	out := e.Snapshots()
	for i := range out {
		if out[i].LastRun.IsZero() {
			out[i].Reason, out[i].ErrorType = "not run: "+context.Cause(ctx).Error(), Internal
		}
	}
	return out, e.Shutdown(context.WithoutCancel(ctx))
}
