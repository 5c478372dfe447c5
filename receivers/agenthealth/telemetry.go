package agenthealth

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

// observe makes the counts of the engine and of the store of heartbeats part of the Collector's own telemetry.
func (r *agentHealth) observe(beats *heartbeat.Store) error {
	each := func(value func(check.Snapshot) int64) metric.Int64Callback {
		return func(_ context.Context, o metric.Int64Observer) error {
			for _, s := range r.engine.Snapshots() {
				o.Observe(value(s), metric.WithAttributes(attribute.String("check.name", s.Name)))
			}
			return nil
		}
	}
	scores := func(_ context.Context, o metric.Float64Observer) error {
		for _, s := range r.engine.Snapshots() {
			score := s.Forecast.Score
			if score.Forecasts == 0 {
				continue
			}
			for forecast, value := range map[metadata.AttributeForecast]float64{
				metadata.AttributeForecastMixed: score.Mixed, metadata.AttributeForecastBaseRate: score.BaseRate,
			} {
				o.Observe(value, metric.WithAttributes(attribute.String("check.name", s.Name), attribute.String("forecast", forecast.String())))
			}
		}
		return nil
	}
	strangers := func(_ context.Context, o metric.Int64Observer) error {
		counts := beats.Counts()
		for _, sign := range heartbeat.Signs {
			o.Observe(int64(counts.Strangers[sign]), metric.WithAttributes(attribute.String("signal", sign.String())))
		}
		return nil
	}
	untracked := func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(int64(beats.Counts().Untracked))
		return nil
	}
	return errors.Join(
		r.telemetry.RegisterReceiverAgentHealthUnexpectedHeartbeatsCallback(strangers),
		r.telemetry.RegisterReceiverAgentHealthUntrackedInstancesCallback(untracked),
		r.telemetry.RegisterReceiverAgentHealthForecastBrierScoreCallback(scores),
		r.telemetry.RegisterReceiverAgentHealthAbandonedRunsCallback(each(func(s check.Snapshot) int64 { return int64(s.Abandoned) })),
		r.telemetry.RegisterReceiverAgentHealthSkippedRunsCallback(each(func(s check.Snapshot) int64 { return int64(s.Skipped) })),
		r.telemetry.RegisterReceiverAgentHealthStuckRunsCallback(each(func(s check.Snapshot) int64 {
			if s.Stuck {
				return 1
			}
			return 0
		})),
	)
}
