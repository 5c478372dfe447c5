package agentprocess

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

const (
	// maxWaiting bounds the events that wait for a pipeline that is slow.
	maxWaiting = 1000
	// firstRetry and lastRetry bound the wait before a refused event is sent again.
	// It doubles each time, so an event is given up after about a minute.
	firstRetry = time.Second
	lastRetry  = 32 * time.Second
)

// events sends events to the logs pipeline, in order and off the goroutines that
// find them.
type events struct {
	writer    *writer
	next      consumer.Logs
	report    *receiverhelper.ObsReport
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	waiting   chan event
	// draining is closed when no more events come and there is no time to send
	// anything twice; drained when all are sent.
	draining, drained chan struct{}
}

// add never blocks: when too many events wait, the new one is dropped.
func (e *events) add(ev event) {
	select {
	case e.waiting <- ev:
	default:
		e.drop(ev, "too many are waiting")
	}
}

// send works until drain is called and nothing waits any more, or ctx is done.
func (e *events) send(ctx context.Context) {
	defer close(e.drained)
	for {
		select {
		case ev := <-e.waiting:
			e.deliver(ctx, ev)
			continue
		case <-ctx.Done():
			return
		case <-e.draining:
		}
		for {
			select {
			case ev := <-e.waiting:
				e.deliver(ctx, ev)
			default:
				return
			}
		}
	}
}

// drain returns when what waits has been sent or ctx is done. It is called once,
// after the last event.
func (e *events) drain(ctx context.Context) {
	close(e.draining)
	select {
	case <-e.drained:
	case <-ctx.Done():
	}
}

// deliver sends one event, again if need be.
func (e *events) deliver(ctx context.Context, ev event) {
	for wait := firstRetry; ; wait *= 2 {
		// The pipeline may have changed what it refused, so it is made anew.
		logs := e.writer.logs(ev)
		if logs.LogRecordCount() == 0 { // switched off
			return
		}
		opCtx := e.report.StartLogsOp(ctx)
		err := e.next.ConsumeLogs(opCtx, logs)
		e.report.EndLogsOp(opCtx, metadata.Type.String(), 1, err)
		switch {
		case err == nil:
			return
		case consumererror.IsPermanent(err) || wait > lastRetry:
			e.drop(ev, err.Error())
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			continue
		case <-e.draining:
		case <-ctx.Done():
		}
		timer.Stop()
		e.drop(ev, err.Error())
		return
	}
}

func (e *events) drop(ev event, why string) {
	e.telemetry.ReceiverAgentProcessDroppedEvents.Add(context.Background(), 1)
	e.logger.Error("An event was dropped", zap.String("why", why), zap.String("event", ev.sentence()))
}
