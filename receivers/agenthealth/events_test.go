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

func TestATransitionThatAnotherCheckCausedSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{}
		below := critical(fake("service", answering(healthy)))
		below.DependsOn = []string{"db"}
		r := withChecks(t, settings(), fake("db", answering(healthy, refused, healthy)), below)
		r.logs = sink
		start(t, r)
		until(time.Minute)
		var caused []map[string]any
		for i, body := range sink.bodies() {
			record := sink.records[i].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
			if cause, ok := record.Attributes().Get("cause"); ok {
				require.Equal(t, plog.SeverityNumberInfo, record.SeverityNumber())
				state, _ := record.Attributes().Get("state")
				_, typed := record.Attributes().Get("error.type")
				require.False(t, typed)
				caused = append(caused, map[string]any{"body": body, "cause": cause.Str(), "state": state.Str()})
			}
		}
		require.Equal(t, []map[string]any{
			{"body": `Check "service" went from healthy to unknown: depends on db, which is unhealthy.`, "cause": "db", "state": "unknown"},
			{"body": `Check "service" went from unknown to healthy, as db works again.`, "cause": "db", "state": "healthy"},
		}, caused)
	})
}

func TestTheFirstStateOfADependentIsNoChange(t *testing.T) {
	first := transition{Name: "service", Cause: "db", Reason: "depends on db, which is unhealthy"}
	require.Equal(t, `Check "service" is unknown: depends on db, which is unhealthy.`, first.sentence())
}

func TestThePatternIsNamed(t *testing.T) {
	r := withChecks(t, settings())
	got := newEvents(r).logs(transition{Name: "db", State: check.Unhealthy, Previous: check.Healthy, Pattern: check.SlowBurn})
	pattern, _ := got.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("failure.pattern")
	require.Equal(t, "slow_burn", pattern.Str())
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestAChangedContractIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changed := healthy
		changed.Notices = []check.Notice{
			{Kind: check.ContractChanged, Summary: "the tools of localhost have changed: 1 added (shell)", Attributes: map[string]string{"added": "shell", "contract": "0a", "other": "x"}},
			{Kind: "moon.phase", Summary: "full"},
		}
		sink := &logsSink{}
		c := fake("tools", answering(changed, healthy))
		r := withChecks(t, settings(), c)
		r.logs = sink
		start(t, r)
		until(time.Minute)
		require.Equal(t, []string{`Check "tools" is healthy.`, `Check "tools": the tools of localhost have changed: 1 added (shell).`}, sink.bodies())
		record := sink.records[1].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, "agent.health.contract_changed", record.EventName())
		require.Equal(t, plog.SeverityNumberWarn, record.SeverityNumber())
		require.Equal(t, map[string]any{
			"check.name": "tools", "check.type": "fake", "check.critical": false, "mcp.contract.added": "shell", "mcp.contract.digest": "0a",
		}, record.Attributes().AsRaw())
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
		require.Equal(t, tc.plain, transition{State: tc.state}.severity())
		require.Equal(t, tc.critical, transition{State: tc.state, Critical: true}.severity())
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
	got := newEvents(r).logs(transition{Name: "db"})
	require.Equal(t, map[string]any{"host.name": host}, got.ResourceLogs().At(0).Resource().Attributes().AsRaw())
	require.Equal(t, "agent.health.transition", got.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).EventName())
	require.NoError(t, r.Shutdown(t.Context()))
}
