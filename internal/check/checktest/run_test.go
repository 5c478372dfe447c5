package checktest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type probe func(context.Context) (check.Result, error)

func (p probe) Run(ctx context.Context) (check.Result, error) { return p(ctx) }

func TestARunThatEndsWithItsContextIsInTime(t *testing.T) {
	want := check.Result{State: check.Unhealthy, Reason: "no answer in time", ErrorType: check.Timeout}
	require.Equal(t, want, Run(t, probe(func(ctx context.Context) (check.Result, error) {
		<-ctx.Done()
		time.Sleep(Grace / 10)
		return want, nil
	}), 20*time.Millisecond))
	require.Equal(t, check.Result{State: check.Healthy}, Run(t, probe(func(context.Context) (check.Result, error) {
		return check.Result{State: check.Healthy}, nil
	}), time.Hour))
}

func TestADeafRunIsLateAfterTheGraceAndNotBefore(t *testing.T) {
	hear := make(chan struct{})
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_, ok, _ := run(ctx, probe(func(context.Context) (check.Result, error) {
		defer close(ended)
		<-hear
		return check.Result{}, nil
	}))
	require.False(t, ok)
	require.GreaterOrEqual(t, time.Since(start), Grace/2, "the half that is slept")
	close(hear)
	<-ended
}

func TestTheErrorOfAProbeIsPassedOn(t *testing.T) {
	_, ok, err := run(t.Context(), probe(func(context.Context) (check.Result, error) { return check.Result{}, errors.New("broken") }))
	require.True(t, ok)
	require.EqualError(t, err, "broken")
}
