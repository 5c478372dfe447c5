// Package checktest holds what the tests of all probes have in common. Only tests
// import it.
package checktest

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

const (
	// Grace is how soon after its context a run must have ended.
	Grace = time.Second
	// tick divides Grace, so that a machine which stands still for a while takes no
	// more than one tick from a probe.
	tick = Grace / 100
)

// Run runs a probe once, and fails the test unless the run ends without an error
// at the latest [Grace] after timeout, which is measured as in [Until].
func Run(t testing.TB, p check.Probe, timeout time.Duration) check.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return Until(ctx, t, p)
}

// Until runs a probe once, and fails the test unless the run ends without an error
// at the latest [Grace] after ctx is done.
//
// The clock of that second is a control in the same process, and not the wall's: a
// hundred ticks, half of each slept and half of it worked. On a machine that is
// busy, or stands still for a while, it goes as much slower as the probe does; on
// one that is not, it takes a second.
func Until(ctx context.Context, t testing.TB, p check.Probe) check.Result {
	t.Helper()
	r, ended, err := run(ctx, p)
	if !ended {
		t.Fatalf("the run has not ended %s after its context was done", Grace)
	}
	if err != nil {
		t.Fatalf("the probe could not work: %v", err)
	}
	return r
}

func run(ctx context.Context, p check.Probe) (r check.Result, ended bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err = p.Run(ctx)
	}()
	select {
	case <-done:
		return r, true, err
	case <-ctx.Done():
	}
	turns := calibrated()
	for range Grace / tick {
		select {
		case <-done:
			return r, true, err
		case <-time.After(tick / 2):
		}
		work(turns)
	}
	select {
	case <-done:
		return r, true, err
	default:
		return check.Result{}, false, nil
	}
}

// calibrated returns how many turns of work take half a tick when nothing else is
// in the way: the shortest of some short tries is one that nothing was.
func calibrated() int {
	const turns = 50
	best := tick
	for range 20 {
		start := time.Now()
		work(turns)
		best = min(best, max(time.Since(start), time.Microsecond))
	}
	return int(turns * (tick / 2) / best)
}

// work keeps a processor busy.
func work(turns int) {
	var block [sha256.Size]byte
	for range turns {
		block = sha256.Sum256(block[:])
	}
}
