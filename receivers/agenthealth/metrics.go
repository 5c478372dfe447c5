package agenthealth

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

// wholeRun is the step that stands for all of them.
const wholeRun = "total"

// recorder makes metrics of snapshots. It is not safe for concurrent use.
type recorder struct {
	receiver *agentHealth
	builder  *metadata.MetricsBuilder
	resource pcommon.Resource
	// unknown holds the names of measurements that have been reported as unknown.
	unknown map[string]bool
	// points is the number of points in the last batch.
	points int
}

// newRecorder returns a recorder whose cumulative points start now.
func newRecorder(r *agentHealth) *recorder {
	builder := metadata.NewMetricsBuilder(r.cfg.MetricsBuilderConfig, r.set)
	return &recorder{
		receiver: r, builder: builder,
		resource: r.describe(builder.NewResourceBuilder()),
		unknown:  map[string]bool{},
	}
}

// batch returns the metrics of all checks at now. The caller owns them.
func (r *recorder) batch(now time.Time, snapshots []check.Snapshot) pmetric.Metrics {
	at := pcommon.NewTimestampFromTime(now)
	for _, s := range snapshots {
		r.status(at, s)
		r.runs(at, s)
		r.forecast(at, s)
		r.availability(at, s)
		r.measurements(at, s)
	}
	metrics := r.builder.Emit(metadata.WithResource(r.resource))
	r.points = metrics.DataPointCount()
	return metrics
}

func (r *recorder) status(at pcommon.Timestamp, s check.Snapshot) {
	for _, state := range check.States {
		var present int64
		if state == s.State {
			present = 1
		}
		r.builder.RecordAgentHealthStatusDataPoint(at, present, s.Name, s.Type, s.Critical, metadata.MapAttributeState[state.String()])
	}
}

func (r *recorder) runs(at pcommon.Timestamp, s check.Snapshot) {
	for _, run := range s.Runs {
		var options []metadata.MetricAttributeOption
		if run.ErrorType != check.None {
			options = append(options, metadata.WithErrorTypeMetricAttribute(string(run.ErrorType)))
		}
		r.builder.RecordAgentHealthCheckRunsDataPoint(at, int64(run.Count), s.Name, metadata.MapAttributeResult[run.Result.String()], options...)
	}
	r.builder.RecordAgentHealthConsecutiveFailuresDataPoint(at, int64(s.ConsecutiveFailures), s.Name)
	r.builder.RecordAgentHealthLastSuccessTimeDataPoint(at, unixSeconds(s.LastSuccess), s.Name)
	if s.LastRun.IsZero() {
		return
	}
	r.builder.RecordAgentHealthCheckDurationDataPoint(at, s.Duration.Seconds(), s.Name, wholeRun)
	for _, step := range s.Steps {
		r.builder.RecordAgentHealthCheckDurationDataPoint(at, step.Duration.Seconds(), s.Name, step.Name)
	}
}

func (r *recorder) forecast(at pcommon.Timestamp, s check.Snapshot) {
	if s.Forecast.Known {
		r.builder.RecordAgentHealthFailureProbabilityDataPoint(at, s.Forecast.FailureProbability, s.Name)
		r.builder.RecordAgentHealthPredictedFailureDataPoint(at, s.Forecast.TimeToFailure.Seconds(), s.Name)
	}
}

func (r *recorder) availability(at pcommon.Timestamp, s check.Snapshot) {
	for _, a := range s.Availability {
		r.builder.RecordAgentHealthAvailabilityDataPoint(at, a.Share, s.Name, windows[a.Window])
	}
}

// windows names the windows of availability.
var windows = map[time.Duration]metadata.AttributeWindow{
	time.Hour:      metadata.AttributeWindow1h,
	24 * time.Hour: metadata.AttributeWindow24h,
}

// measurements records what the last run measured. What an earlier run measured
// is not repeated: a number that nobody has seen lately is a lie on a dashboard.
func (r *recorder) measurements(at pcommon.Timestamp, s check.Snapshot) {
	if s.MeasuredAt.Before(s.LastRun) {
		return
	}
	for _, m := range s.Measurements {
		if record, ok := recordMeasurement[m.Name]; ok {
			record(r.builder, at, s.Name, m)
			continue
		}
		r.receiver.telemetry.ReceiverAgentHealthUnknownMeasurements.Add(context.Background(), 1)
		if !r.unknown[m.Name] {
			r.unknown[m.Name] = true
			r.receiver.set.Logger.Error("A probe measured what is no metric of this receiver", zap.String("check", s.Name), zap.String("measurement", m.Name))
		}
	}
}

// unixSeconds returns 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
