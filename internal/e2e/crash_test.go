package e2e

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestAcknowledgedSpansSurviveAKillWhileJaegerIsAway(t *testing.T) {
	const traces, spansEach = 20, 50

	store := peers.Jaeger(t)
	store.Stop()
	w := startWatchkeeper(t, shipped(t, "agent.yaml"), map[string]string{"JAEGER_ENDPOINT": store.OTLP})
	want := make(map[spanKey]plainSpan)
	var sent []ptrace.Traces
	for number := range byte(traces) {
		td := numberedTrace(number, spansEach)
		maps.Copy(want, plain(td))
		w.send(t, td)
		sent = append(sent, td)
	}
	require.Len(t, want, traces*spansEach)

	w.Kill()
	store.Start()
	w.Start()
	requireInJaeger(t, jaeger{url: "http://" + store.Query}, sent)
}

// requireInJaeger waits until Jaeger has every span of these traces, and compares
// them.
func requireInJaeger(t *testing.T, j jaeger, sent []ptrace.Traces) {
	t.Helper()
	want := make(map[spanKey]plainSpan)
	for _, td := range sent {
		maps.Copy(want, plain(td))
	}
	require.Eventually(t, func() bool { return len(inJaeger(t, j, want)) >= len(want) }, time.Minute, 200*time.Millisecond)
	got := inJaeger(t, j, want)
	require.Len(t, got, len(want))
	for key, span := range want {
		require.Equal(t, span, got[key].comparable(span), span.Name)
	}
}

// inJaeger returns what Jaeger has of the traces that these spans are of.
func inJaeger(t *testing.T, j jaeger, spans map[spanKey]plainSpan) map[spanKey]plainSpan {
	got := make(map[spanKey]plainSpan)
	asked := make(map[string]bool)
	for key := range spans {
		if asked[key.trace.String()] {
			continue
		}
		asked[key.trace.String()] = true
		td, err := j.trace(t.Context(), key.trace)
		if err != nil {
			t.Logf("asking Jaeger: %v", err)
			continue
		}
		maps.Copy(got, plain(td))
	}
	return got
}
