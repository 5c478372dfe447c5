package agentprocess

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadatatest"
)

// taker is a logs pipeline that answers with errors first.
type taker struct {
	answers []error
	asked   []time.Duration // since it was made
	taken   []int64         // pids
	made    time.Time
}

func (*taker) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (c *taker) ConsumeLogs(_ context.Context, logs plog.Logs) error {
	c.asked = append(c.asked, time.Since(c.made))
	if len(c.answers) > 0 {
		answer := c.answers[0]
		c.answers = c.answers[1:]
		if answer != nil {
			return answer
		}
	}
	pid, _ := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("process.pid")
	c.taken = append(c.taken, pid.Int())
	return nil
}

func exitOf(pid int) event {
	return event{what: exited, at: time.Now(), subject: subject{id: proctable.ID{PID: pid}, image: &proctable.Image{}, started: time.Now()}}
}

// sendTo makes events that are sent to next, and what they log and count.
func sendTo(t *testing.T, next consumer.Logs) (*events, *observer.ObservedLogs, func(dropped int64)) {
	telemetry := componenttest.NewTelemetry()
	set := metadatatest.NewSettings(telemetry)
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	require.NoError(t, err)
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	require.NoError(t, err)
	core, logs := observer.New(zap.ErrorLevel)
	e := &events{
		writer: newTestWriter(), next: next, report: report, telemetry: builder, logger: zap.New(core),
		waiting: make(chan event, maxWaiting), draining: make(chan struct{}), drained: make(chan struct{}),
	}
	return e, logs, func(dropped int64) {
		metadatatest.AssertEqualReceiverAgentProcessDroppedEvents(t, telemetry, []metricdata.DataPoint[int64]{{Value: dropped}}, metricdatatest.IgnoreTimestamp())
		require.NoError(t, telemetry.Shutdown(context.Background()))
	}
}

var errBusy = errors.New("busy")

func TestEventsAreSentInOrderAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &taker{answers: []error{errBusy, errBusy}, made: time.Now()}
		e, _, _ := sendTo(t, c)
		go e.send(t.Context())
		e.add(exitOf(1))
		e.add(exitOf(2))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []int64{1, 2}, c.taken)
		require.Equal(t, []time.Duration{0, time.Second, 3 * time.Second, 3 * time.Second}, c.asked)
		e.drain(t.Context())
	})
}

func TestEventsThatNobodyTakesAreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := []error{consumererror.NewPermanent(errors.New("malformed"))}
		for range 7 {
			refusals = append(refusals, errBusy)
		}
		c := &taker{answers: refusals, made: time.Now()}
		e, logs, count := sendTo(t, c)
		go e.send(t.Context())
		for pid := range 3 {
			e.add(exitOf(pid + 1))
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.Equal(t, []int64{3}, c.taken)
		require.Equal(t, 2, logs.Len())
		e.drain(t.Context())
		count(2)
	})
}

func TestEventsBeyondTheQueueAreDroppedAndCounted(t *testing.T) {
	e, logs, count := sendTo(t, &taker{})
	for pid := range maxWaiting + 2 {
		e.add(exitOf(pid + 1))
	}
	require.Equal(t, 2, logs.Len())
	require.Equal(t, map[string]any{"why": "too many are waiting", "event": `Process 1002 () of "" ended.`}, logs.All()[1].ContextMap())
	count(2)
}

func TestShutdownSendsWhatWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &taker{answers: []error{errBusy}, made: time.Now()}
		e, _, count := sendTo(t, c)
		e.add(exitOf(1))
		e.add(exitOf(2))
		go e.send(t.Context())
		synctest.Wait()
		e.drain(t.Context())
		require.Equal(t, []int64{2}, c.taken)
		require.Equal(t, time.Duration(0), time.Since(c.made))
		count(1)
	})
}

func TestEventThatIsSwitchedOffIsNotSent(t *testing.T) {
	c := &taker{}
	e, _, _ := sendTo(t, c)
	off := metadata.DefaultEventsConfig()
	off.AgentProcessExited.Enabled = false
	e.writer.builder = metadata.NewLogsBuilder(metadata.LogsBuilderConfig{Events: off}, metadatatest.NewSettings(componenttest.NewTelemetry()))
	e.deliver(t.Context(), exitOf(1))
	require.Empty(t, c.asked)
}
