package heartbeat

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat/otlp"
)

// planner is the resource of the agent that these tests wait for.
var planner = map[string]string{serviceName: "planner", serviceInstance: "1", "env": "prod"}

func put(r pcommon.Resource, attributes map[string]string) {
	for key, value := range attributes {
		r.Attributes().PutStr(key, value)
	}
}

// traces is a request with one span for each end; the zero time is that of an open
// one.
func traces(t testing.TB, resource map[string]string, ends ...time.Time) []byte {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	put(rs.Resource(), resource)
	for _, end := range ends {
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetName("step")
		if !end.IsZero() {
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
		}
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	require.NoError(t, err)
	return body
}

func metrics(t testing.TB, resource map[string]string) []byte {
	t.Helper()
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	put(rm.Resource(), resource)
	rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetName("m")
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	return body
}

func logs(t testing.TB, resource map[string]string) []byte {
	t.Helper()
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	put(rl.Resource(), resource)
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("working")
	body, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	require.NoError(t, err)
	return body
}

func (a *watched) takes(signal otlp.Signal, body []byte) {
	a.t.Helper()
	require.NoError(a.t, a.store.Telemetry(signal, false, body, a.now))
}

// newSender is an agent whose telemetry is awaited.
func newSender(t *testing.T, change func(*Settings)) *watched {
	t.Helper()
	return newAgent(t, func(s *Settings) {
		s.Sender = Sender{Service: "planner", Attributes: map[string]string{"env": "prod"}}
		if change != nil {
			change(s)
		}
	})
}

func TestTelemetryOfAnySignalIsASignOfLife(t *testing.T) {
	a := newSender(t, nil)
	a.want(check.Unknown, check.Internal, "neither telemetry nor a heartbeat yet, in 0s of listening; the first is due within 1m0s")
	for _, send := range []func(){
		func() { a.takes(otlp.Traces, traces(t, planner, a.now)) },
		func() { a.takes(otlp.Metrics, metrics(t, planner)) },
		func() { a.takes(otlp.Logs, logs(t, planner)) },
		func() { a.beat("") },
	} {
		a.now = a.now.Add(61 * time.Second)
		a.run(check.Degraded, Late)
		send()
		a.want(check.Healthy, check.None, "")
	}
	r := a.want(check.Healthy, check.None, "")
	signal := func(name string, age float64) check.Measurement {
		return check.Measurement{Name: "heartbeat.signal.age", Value: age, Attributes: map[string]string{"signal": name}}
	}
	require.Equal(t, []check.Measurement{
		{Name: "heartbeat.age", Value: 0}, signal("call", 0), signal("traces", 183), signal("metrics", 122), signal("logs", 61),
		{Name: "heartbeat.work.age", Value: 183}, {Name: "heartbeat.instances", Value: 1},
	}, r.Measurements)
	a.now = a.now.Add(3*time.Minute + time.Second)
	a.want(check.Unhealthy, check.Timeout, "dead: neither telemetry nor a heartbeat for 3m1s, more than 3 times 1m0s")
}

// run is want for those who do not care about the words.
func (a *watched) run(state check.State, condition string) {
	a.t.Helper()
	r, err := a.Run(a.t.Context())
	require.NoError(a.t, err)
	require.Equal(a.t, condition, r.Condition, r.Reason)
	require.Equal(a.t, state, r.State, r.Reason)
}

func TestDeadSilentAndWedgedAreToldApart(t *testing.T) {
	a := newSender(t, func(s *Settings) { s.Expect = Traces })
	a.takes(otlp.Traces, traces(t, planner, a.now))
	a.want(check.Healthy, check.None, "")
	a.now = a.now.Add(61 * time.Second)
	a.takes(otlp.Metrics, metrics(t, planner))
	a.want(check.Degraded, check.Timeout, "silent: metrics come, but no traces for 1m1s, more than 1m0s")
	a.now = a.now.Add(2 * time.Minute)
	a.beat("")
	a.want(check.Unhealthy, check.Timeout, "silent: heartbeats come, but no traces for 3m1s, more than 3 times 1m0s")
	a.now = a.now.Add(3*time.Minute + time.Second)
	a.want(check.Unhealthy, check.Timeout, "dead: neither telemetry nor a heartbeat for 3m1s, more than 3 times 1m0s")
	a.takes(otlp.Traces, traces(t, planner, a.now))
	a.want(check.Healthy, check.None, "")

	never := newSender(t, func(s *Settings) { s.Expect = Logs })
	never.takes(otlp.Metrics, metrics(t, planner))
	never.want(check.Healthy, check.None, "")
	never.now = never.now.Add(61 * time.Second)
	never.takes(otlp.Metrics, metrics(t, planner))
	never.want(check.Degraded, check.Timeout, "silent: metrics come, but no logs for 1m1s, more than 1m0s")
}

func TestWorkIsANewSpanThatHasEnded(t *testing.T) {
	a := newSender(t, func(s *Settings) { s.Expect, s.WorkInterval = Traces, 2*time.Minute })
	end := a.now.Add(-time.Hour) // its clock is an hour behind
	step := func(ends ...time.Time) {
		a.now = a.now.Add(50 * time.Second)
		a.takes(otlp.Traces, traces(t, planner, ends...))
	}
	step(end)
	a.want(check.Healthy, check.None, "")
	step(end, time.Time{})
	step(time.Time{})
	a.want(check.Healthy, check.None, "")
	step(end.Add(-time.Minute))
	a.want(check.Unhealthy, check.Assertion, "wedged: traces come, but no new span has ended for 2m30s, more than 2m0s")
	step(end.Add(time.Second))
	a.want(check.Healthy, check.None, "")

	// A clock that was far ahead and has been put right does not look wedged.
	step(a.now.Add(24 * time.Hour))
	for range 5 {
		step(a.now)
		a.want(check.Healthy, check.None, "")
	}
	a.now = a.now.Add(121 * time.Second)
	a.takes(otlp.Metrics, metrics(t, planner))
	a.want(check.Unhealthy, check.Assertion, "wedged: metrics come, but no new span has ended for 2m1s, more than 2m0s")
}

func TestSpansOfEachInstanceAreWorkOfTheirOwn(t *testing.T) {
	a := newSender(t, func(s *Settings) { s.WorkInterval, s.MinInstances, s.MaxInstances = 2*time.Minute, 2, 2 })
	of := func(instance int) map[string]string {
		return map[string]string{serviceName: "planner", serviceInstance: strconv.Itoa(instance), "env": "prod"}
	}
	a.takes(otlp.Traces, traces(t, of(1), a.now.Add(time.Minute)))
	a.want(check.Healthy, check.None, "") // the others have an interval to come
	a.now = a.now.Add(61 * time.Second)
	a.takes(otlp.Metrics, metrics(t, of(1)))
	a.want(check.Degraded, check.Assertion, "missing: 1 of at least 2 instances were heard of within 3m0s")
	a.now = a.now.Add(time.Minute)
	a.takes(otlp.Traces, traces(t, of(2), a.now.Add(-time.Hour)))
	a.want(check.Healthy, check.None, "")

	// A third finds no room; its work counts, and that it was not tracked is counted.
	a.now = a.now.Add(119 * time.Second)
	a.takes(otlp.Traces, traces(t, of(3), a.now))
	require.Equal(t, uint64(1), a.store.Counts().Untracked)
	a.now = a.now.Add(3 * time.Second)
	r := a.want(check.Degraded, check.Assertion, "missing: 1 of at least 2 instances were heard of within 3m0s")
	require.Contains(t, r.Measurements, check.Measurement{Name: "heartbeat.instances", Value: 1})
	for i := range 1000 {
		a.takes(otlp.Traces, traces(t, of(i), a.now))
	}
	require.Contains(t, a.want(check.Healthy, check.None, "").Measurements, check.Measurement{Name: "heartbeat.instances", Value: 2})
}

func TestTelemetryOfStrangersIsCountedAndForgotten(t *testing.T) {
	a := newSender(t, nil)
	for i := range 1000 {
		a.takes(otlp.Traces, traces(t, map[string]string{serviceName: fmt.Sprint(i), "env": "prod"}, a.now))
	}
	a.takes(otlp.Metrics, metrics(t, map[string]string{serviceName: "planner", "env": "test"}))
	a.takes(otlp.Metrics, metrics(t, map[string]string{serviceName: "planner"}))
	a.takes(otlp.Logs, logs(t, nil))
	a.takes(otlp.Traces, traces(t, planner)) // without a span it says nothing
	require.False(t, a.store.Beat("stranger", "", a.now))
	require.Equal(t, [signs]uint64{Call: 1, Traces: 1000, Metrics: 2, Logs: 1}, a.store.Counts().Strangers)
	require.Equal(t, life{}, a.store.life("planner"))
	require.Len(t, a.store.agents, 1)
	require.Len(t, a.store.byService, 1)
}

func TestOneResourceMayBeAwaitedByManyChecks(t *testing.T) {
	a := newSender(t, nil)
	s := DefaultSettings()
	s.Store, s.Name, s.Now, s.Sender.Service = a.store, "fleet", func() time.Time { return a.now }, "planner"
	fleet, err := New(s)
	require.NoError(t, err)
	a.takes(otlp.Logs, logs(t, map[string]string{serviceName: "planner", "env": "test"}))
	r, err := fleet.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, check.Healthy, r.State)
	a.run(check.Unknown, "")
	a.takes(otlp.Logs, logs(t, planner))
	a.run(check.Healthy, "")
}

func TestARequestThatIsMalformedTellsNothing(t *testing.T) {
	a := newSender(t, nil)
	body := append(logs(t, planner), 0x0a)
	require.ErrorIs(t, a.store.Telemetry(otlp.Logs, false, body, a.now), otlp.ErrMalformed)
	require.Equal(t, life{}, a.store.life("planner"))
	require.Zero(t, a.store.Counts())
}

func TestSilenceOfTelemetryOutlivesARestart(t *testing.T) {
	change := func(s *Settings) {
		s.Sender.Service, s.Expect, s.WorkInterval = "planner", Traces, 5*time.Minute
	}
	a := newAgent(t, change)
	a.takes(otlp.Traces, traces(t, planner, a.now))
	a.now = a.now.Add(50 * time.Second)
	a.takes(otlp.Metrics, metrics(t, planner))
	state, err := a.State()
	require.NoError(t, err)
	again := newAgent(t, change)
	again.now = a.now.Add(24 * time.Hour)
	again.Probe = again.probe(change)
	require.NoError(t, again.Restore(state))
	again.want(check.Healthy, check.None, "")
	again.now = again.now.Add(11 * time.Second)
	again.want(check.Degraded, check.Timeout, "silent: metrics come, but no traces for 1m1s, more than 1m0s")
	again.now = again.now.Add(4*time.Minute - time.Second)
	again.takes(otlp.Traces, traces(t, planner, time.Time{}))
	again.now = again.now.Add(time.Second)
	again.want(check.Unhealthy, check.Assertion, "wedged: traces come, but no new span has ended for 5m1s, more than 5m0s")

	// A check that no longer waits for telemetry does not go by it.
	calls := newAgent(t, nil)
	require.NoError(t, calls.Restore(state))
	require.Equal(t, life{}, calls.store.life("planner"))
}

func BenchmarkTelemetry(b *testing.B) {
	s := DefaultSettings()
	s.Store, s.Name, s.Sender.Service = new(Store), "planner", "planner"
	_, err := New(s)
	require.NoError(b, err)
	now := time.Now()
	body := traces(b, planner, make([]time.Time, 100)...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Store.Telemetry(otlp.Traces, false, body, now); err != nil {
			b.Fatal(err)
		}
	}
}
