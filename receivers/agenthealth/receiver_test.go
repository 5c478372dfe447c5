package agenthealth

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadatatest"
)

func TestMetricsComeAtOnceAfterTheFirstVerdictsAndEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newMetricsSink()
		r := withChecks(t, settings(), fake("db", answering(healthy)))
		r.metrics = sink
		start(t, r)
		until(45 * time.Second)
		require.Equal(t, []time.Duration{0, 2 * time.Second, 15 * time.Second, 30 * time.Second, 45 * time.Second}, sink.times)
	})
}

func TestMetricsOfAnAbsentTargetKeepComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newMetricsSink()
		r := withChecks(t, settings(), fake("db", answering(refused)))
		r.metrics = sink
		start(t, r)
		until(5 * time.Minute)
		require.Len(t, sink.batches, 22)
		for _, batch := range sink.batches[3:] {
			require.Equal(t, 13, batch.DataPointCount(), "4 states, 2 outcomes, duration, failures, last success, 2 of the forecast, 2 windows")
		}
	})
}

func TestOneInstanceFeedsBothPipelinesAndMakesRoomForTheNext(t *testing.T) {
	factory := NewFactory()
	cfg, err := load(t, "smallest")
	require.NoError(t, err)
	create := func() (receiver.Metrics, receiver.Logs) {
		m, err := factory.CreateMetrics(t.Context(), settings(), cfg, consumertest.NewNop())
		require.NoError(t, err)
		l, err := factory.CreateLogs(t.Context(), settings(), cfg, consumertest.NewNop())
		require.NoError(t, err)
		require.Same(t, m, l)
		return m, l
	}
	m, l := create()
	for _, c := range []component.Component{m, l} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	}
	for _, c := range []component.Component{m, l} {
		require.NoError(t, c.Shutdown(t.Context()))
	}
	again, _ := create()
	require.NotSame(t, m, again)
	require.NoError(t, again.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, again.Shutdown(t.Context()))
}

func TestDifferentConfigurationsHaveDifferentInstances(t *testing.T) {
	factory := NewFactory()
	a, err := factory.CreateMetrics(t.Context(), settings(), factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	b, err := factory.CreateMetrics(t.Context(), settings(), factory.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NotSame(t, a, b)
	require.NoError(t, a.Shutdown(t.Context()))
	require.NoError(t, b.Shutdown(t.Context()))
}

func TestOnlyLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{}
		r := withChecks(t, settings(), fake("db", answering(healthy)))
		r.logs = sink
		start(t, r)
		until(time.Second)
		require.Equal(t, []string{`Check "db" is healthy.`}, sink.bodies())
	})
}

func TestOnlyMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newMetricsSink()
		r := withChecks(t, settings(), fake("db", answering(healthy, refused)))
		r.metrics = sink
		start(t, r)
		until(time.Minute)
		require.NotEmpty(t, sink.batches)
	})
}

func TestARefusedEventIsSentAgainInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{refuse: 5, with: errBusy}
		r := withChecks(t, settings(), fake("db", answering(healthy, refused)))
		r.logs = sink
		start(t, r)
		until(time.Minute)
		require.Equal(t, []string{
			`Check "db" is healthy.`,
			`Check "db" went from healthy to unhealthy: connecting to db:5432: connection refused.`,
		}, sink.bodies())
		require.Equal(t, 7, sink.asked)
	})
}

func TestEventsThatNobodyTakesAreCounted(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		wait time.Duration
		asks int
	}{
		"permanent":       {consumererror.NewPermanent(errors.New("no")), time.Second, 1},
		"for a minute":    {errBusy, 2 * time.Minute, 7},
		"at the shutdown": {errBusy, time.Second + time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tel := componenttest.NewTelemetry()
			synctest.Test(t, func(t *testing.T) {
				set := settings()
				set.TelemetrySettings = tel.NewTelemetrySettings()
				sink := &logsSink{refuse: 1000, with: tc.err}
				r := withChecks(t, set, fake("db", answering(healthy)))
				r.logs = sink
				require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
				until(tc.wait)
				require.NoError(t, r.Shutdown(t.Context()))
				require.GreaterOrEqual(t, sink.asked, tc.asks)
				metadatatest.AssertEqualReceiverAgentHealthDroppedEvents(t, tel, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
			})
			require.NoError(t, tel.Shutdown(context.Background()))
		})
	}
}

func TestWaitingEventsAreSentBeforeShutdownReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &logsSink{}
		r := withChecks(t, settings())
		r.logs = sink
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		for range 100 {
			r.events.add(transition{Name: "db", State: check.Healthy})
		}
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, sink.bodies(), 100)
	})
}

func TestAFullQueueDropsNewEventsAndCountsThem(t *testing.T) {
	tel := componenttest.NewTelemetry()
	set := settings()
	set.TelemetrySettings = tel.NewTelemetrySettings()
	r := withChecks(t, set)
	r.events = newEvents(r)
	for range maxWaiting + 3 {
		r.events.add(transition{Name: "db"})
	}
	metadatatest.AssertEqualReceiverAgentHealthDroppedEvents(t, tel, []metricdata.DataPoint[int64]{{Value: 3}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, tel.Shutdown(context.Background()))
}

// hanging ignores its context.
type hanging chan struct{}

func (h hanging) Run(context.Context) (check.Result, error) {
	<-h
	return check.Result{State: check.Healthy}, nil
}

func TestOwnTelemetryTellsOfRunsThatHang(t *testing.T) {
	tel := componenttest.NewTelemetry()
	synctest.Test(t, func(t *testing.T) {
		set := settings()
		set.TelemetrySettings = tel.NewTelemetrySettings()
		release := make(hanging)
		r := withChecks(t, set, fake("db", release))
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		until(time.Minute)
		points := func(value int64) []metricdata.DataPoint[int64] {
			return []metricdata.DataPoint[int64]{{Value: value, Attributes: attribute.NewSet(attribute.String("check.name", "db"))}}
		}
		metadatatest.AssertEqualReceiverAgentHealthAbandonedRuns(t, tel, points(1), metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualReceiverAgentHealthStuckRuns(t, tel, points(1), metricdatatest.IgnoreTimestamp())
		metadatatest.AssertEqualReceiverAgentHealthSkippedRuns(t, tel, points(0), metricdatatest.IgnoreTimestamp())
		require.NoError(t, r.Shutdown(t.Context()), "a probe that hangs is no failure of the Collector")
		close(release)
	})
	require.NoError(t, tel.Shutdown(context.Background()))
}

func TestOwnTelemetryTellsHowGoodForecastsWere(t *testing.T) {
	tel := componenttest.NewTelemetry()
	synctest.Test(t, func(t *testing.T) {
		set := settings()
		set.TelemetrySettings = tel.NewTelemetrySettings()
		r := withChecks(t, set, fake("db", answering(refused)))
		require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
		until(10 * time.Minute)
		score := r.engine.Snapshots()[0].Forecast.Score
		require.Positive(t, score.Forecasts)
		require.Positive(t, score.Mixed)
		require.Less(t, score.Mixed, 0.25, "it is better than a coin")
		point := func(forecast string, value float64) metricdata.DataPoint[float64] {
			return metricdata.DataPoint[float64]{Value: value, Attributes: attribute.NewSet(attribute.String("check.name", "db"), attribute.String("forecast", forecast))}
		}
		metadatatest.AssertEqualReceiverAgentHealthForecastBrierScore(t, tel,
			[]metricdata.DataPoint[float64]{point("mixed", score.Mixed), point("base_rate", score.BaseRate)}, metricdatatest.IgnoreTimestamp())
		require.NoError(t, r.Shutdown(t.Context()))
	})
	require.NoError(t, tel.Shutdown(context.Background()))
}

func TestStartFailsOnWhatCannotBeBuiltAndNamesTheCheck(t *testing.T) {
	cfg, err := load(t, "full")
	require.NoError(t, err)
	r, err := NewFactory().CreateMetrics(t.Context(), settings(), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.EqualError(t, r.Start(t.Context(), componenttest.NewNopHost()), `checks::api::http: failed to resolve authenticator "bearertokenauth": authenticator not found`)
	require.NoError(t, r.Shutdown(t.Context()))
}

func TestEveryBlockMakesItsProbe(t *testing.T) {
	cfg, err := load(t, "defaults")
	require.NoError(t, err)
	checks, err := cfg.checks(t.Context(), componenttest.NewNopHost(), new(heartbeat.Store))
	require.NoError(t, err)
	defer func() { require.NoError(t, closeAll(checks)) }()
	got := map[string]string{}
	for _, c := range checks {
		if c.Type == "system" || c.Type == "heartbeat" {
			require.Empty(t, c.Host, "it asks nobody")
		} else {
			require.Equal(t, "localhost", c.Host, "%s: what shares a host shares the bound on it", c.Name)
		}
		require.Equal(t, 15*time.Second, c.Interval)
		require.Equal(t, 5*time.Second, c.Timeout)
		got[c.Name] = c.Type
	}
	require.Equal(t, map[string]string{
		"a2a": "a2a", "grpc": "grpc", "heartbeat": "heartbeat", "http": "http", "mcp": "mcp", "postgres": "postgres",
		"redis_tls": "redis", "system": "system", "system_null": "system", "tcp": "tcp",
	}, got)
}
