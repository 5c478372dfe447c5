package check

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// probeFunc is a Probe that may be closed.
type probeFunc struct {
	run    func(ctx context.Context) (Result, error)
	closed chan struct{}
}

func (p *probeFunc) Run(ctx context.Context) (Result, error) { return p.run(ctx) }

func (p *probeFunc) Close() error {
	if p.closed != nil {
		close(p.closed)
	}
	return nil
}

// closing is a Probe of which only Close matters.
type closing func() error

func (closing) Run(context.Context) (Result, error) { return Result{State: Healthy}, nil }

func (c closing) Close() error { return c() }

func answering(results ...Result) *probeFunc {
	next := 0
	return &probeFunc{run: func(context.Context) (Result, error) {
		r := results[min(next, len(results)-1)]
		next++
		return r, nil
	}}
}

// taking waits for d or the context, whichever ends first.
func taking(d time.Duration) *probeFunc {
	return &probeFunc{run: func(ctx context.Context) (Result, error) {
		select {
		case <-time.After(d):
			return Result{State: Healthy}, nil
		case <-ctx.Done():
			return Result{State: Unhealthy, ErrorType: Timeout, Reason: "query: " + ctx.Err().Error(), Steps: []Step{{Name: "connect", Duration: time.Millisecond}}}, nil
		}
	}}
}

// deaf ignores its context until it is released.
func deaf(release <-chan struct{}) *probeFunc {
	return &probeFunc{run: func(context.Context) (Result, error) {
		<-release
		return Result{State: Healthy}, nil
	}}
}

var (
	healthy  = Result{State: Healthy}
	degraded = Result{State: Degraded, ErrorType: Assertion, Reason: "81 active connections, more than 80"}
	refused  = Result{State: Unhealthy, ErrorType: Refused, Reason: "connecting to db:5432: connection refused"}
)

func named(name string, p Probe) Check {
	return Check{Name: name, Type: "fake", Interval: 10 * time.Second, Timeout: 2 * time.Second, Probe: p}
}

// started returns an Engine that runs and stops with the test's bubble.
func started(t *testing.T, s Settings, checks ...Check) *Engine {
	t.Helper()
	if s.MaxConcurrent == 0 {
		s.MaxConcurrent = len(checks)
	}
	e, err := New(checks, s)
	require.NoError(t, err)
	e.Start()
	t.Cleanup(func() { _ = e.Shutdown(context.Background()) })
	return e
}

// until lets virtual time pass to d after the call, and a little, so that what is
// due at that moment has happened.
func until(d time.Duration) {
	time.Sleep(d + time.Nanosecond)
	synctest.Wait()
}
