package agenthealth

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestRunOnceTellsOfEveryCheck(t *testing.T) {
	cfg, err := load(t, "once")
	require.NoError(t, err)
	got, err := cfg.RunOnce(t.Context(), componenttest.NewNopHost())
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, "agent", got[0].Name)
	require.Equal(t, check.Unknown, got[0].State)
	require.Equal(t, check.None, got[0].ErrorType)
	require.Equal(t, "only a running collector hears heartbeats", got[0].Reason)
	require.Empty(t, got[0].Steps)
	require.True(t, Listens(got[0].Type))
	require.False(t, Listens(got[2].Type))
	require.Equal(t, check.Unknown, got[1].State)
	require.Equal(t, "closed", got[1].Cause)
	require.Equal(t, check.Unhealthy, got[2].State)
	require.Equal(t, check.Refused, got[2].ErrorType)
	require.True(t, got[2].Critical)
}

func TestRunOnceNamesWhatCannotBeBuilt(t *testing.T) {
	cfg, err := load(t, "full")
	require.NoError(t, err)
	_, err = cfg.RunOnce(t.Context(), componenttest.NewNopHost())
	require.EqualError(t, err, `checks::api::http: failed to resolve authenticator "bearertokenauth": authenticator not found`)
}
