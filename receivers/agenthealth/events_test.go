package agenthealth

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/plogtest"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestEventsMatchTheGoldenFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{}
		r := withChecks(t, settings(), critical(fake("db", answering(healthy, slow, refused, healthy))))
		r.logs = sink
		start(t, r)
		until(70 * time.Second)
		got := plog.NewLogs()
		for _, l := range sink.records {
			l.ResourceLogs().MoveAndAppendTo(got.ResourceLogs())
		}
		file := filepath.Join("testdata", "events", "transitions.yaml")
		if *update {
			require.NoError(t, golden.WriteLogs(t, file, got))
		}
		want, err := golden.ReadLogs(file)
		require.NoError(t, err)
		require.NoError(t, plogtest.CompareLogs(want, got))
	})
}

func TestSeverityRisesWithTheStateAndForWhatIsCritical(t *testing.T) {
	for _, tc := range []struct {
		state           check.State
		plain, critical plog.SeverityNumber
	}{
		{check.Healthy, plog.SeverityNumberInfo, plog.SeverityNumberInfo},
		{check.Unknown, plog.SeverityNumberWarn, plog.SeverityNumberWarn},
		{check.Degraded, plog.SeverityNumberWarn, plog.SeverityNumberWarn},
		{check.Unhealthy, plog.SeverityNumberError, plog.SeverityNumberFatal},
	} {
		require.Equal(t, tc.plain, severity(check.Transition{State: tc.state}))
		require.Equal(t, tc.critical, severity(check.Transition{State: tc.state, Critical: true}))
	}
}

func TestEventsCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{}
		r := withChecks(t, settings(), fake("db", answering(healthy)))
		r.cfg.Events.AgentHealthTransition.Enabled = false
		r.logs = sink
		start(t, r)
		until(time.Minute)
		require.Zero(t, sink.asked)
	})
}

func TestEventsNameTheHost(t *testing.T) {
	r := withChecks(t, settings())
	r.cfg.ResourceAttributes.HostName.Enabled = true
	host, err := os.Hostname()
	require.NoError(t, err)
	got := newEvents(r).logs(check.Transition{Name: "db"})
	require.Equal(t, map[string]any{"host.name": host}, got.ResourceLogs().At(0).Resource().Attributes().AsRaw())
	require.Equal(t, "agent.health.transition", got.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).EventName())
	require.NoError(t, r.Shutdown(t.Context()))
}
