package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

var listener = check.Snapshot{Name: "worker", Type: "heartbeat", Duration: time.Microsecond, Reason: "only a running collector hears heartbeats"}

func TestWhatIsSkippedDoesNotCountUnlessThereIsNothingElse(t *testing.T) {
	with := func(state check.State) []check.Snapshot {
		return []check.Snapshot{listener, {Name: "db", Type: "postgres", State: state}}
	}
	require.Equal(t, 0, statusOf(with(check.Healthy)))
	require.Equal(t, 1, statusOf(with(check.Degraded)))
	require.Equal(t, 2, statusOf(with(check.Unhealthy)))
	require.Equal(t, 3, statusOf(with(check.Unknown)))
	require.Equal(t, 3, statusOf([]check.Snapshot{listener}))
}

func TestWhatIsSkippedIsToldAsSuch(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, renderTable(&out, []check.Snapshot{listener}))
	require.Equal(t, "CHECK   VERDICT  TIME  STEPS  REASON\n"+
		"worker  skipped  -            only a running collector hears heartbeats\n", out.String())
	out.Reset()
	require.NoError(t, renderJSON(&out, []check.Snapshot{listener}))
	var got []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Len(t, got, 1)
	require.Equal(t, true, got[0]["skipped"])
	require.Equal(t, "unknown", got[0]["state"])
}
