package agenthealth

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

const (
	// maxWaiting bounds the transitions that wait for a pipeline that is slow.
	maxWaiting = 1000
	// firstRetry and lastRetry bound the wait before a refused event is sent again.
	// It doubles each time, so an event is given up after about a minute.
	firstRetry = time.Second
	lastRetry  = 32 * time.Second
)

// events sends transitions to the logs pipeline, in order and off the goroutines
// of the checks, so that a slow pipeline does not make checks late.
type events struct {
	receiver *agentHealth
	builder  *metadata.LogsBuilder
	resource pcommon.Resource
	waiting  chan check.Transition
	// draining is closed when no more transitions come and there is no time to
	// send anything twice; drained when all are sent.
	draining, drained chan struct{}
}

func newEvents(r *agentHealth) *events {
	builder := metadata.NewLogsBuilder(metadata.LogsBuilderConfig{
		Events: r.cfg.Events, ResourceAttributes: r.cfg.ResourceAttributes,
	}, r.set)
	return &events{
		receiver: r, builder: builder,
		resource: r.describe(builder.NewResourceBuilder()),
		waiting:  make(chan check.Transition, maxWaiting),
		draining: make(chan struct{}), drained: make(chan struct{}),
	}
}

// add never blocks: when too many transitions wait, the new one is dropped.
func (e *events) add(t check.Transition) {
	select {
	case e.waiting <- t:
	default:
		e.drop(t, "too many are waiting")
	}
}

// send works until drain is called and nothing waits any more, or ctx is done.
func (e *events) send(ctx context.Context) {
	defer close(e.drained)
	for {
		select {
		case t := <-e.waiting:
			e.deliver(ctx, t)
			continue
		case <-ctx.Done():
			return
		case <-e.draining:
		}
		for {
			select {
			case t := <-e.waiting:
				e.deliver(ctx, t)
			default:
				return
			}
		}
	}
}

// drain returns when what waits has been sent or ctx is done. It is called once,
// after the last transition.
func (e *events) drain(ctx context.Context) {
	close(e.draining)
	select {
	case <-e.drained:
	case <-ctx.Done():
	}
}

// deliver sends one event, again if need be.
func (e *events) deliver(ctx context.Context, t check.Transition) {
	for wait := firstRetry; ; wait *= 2 {
		// The pipeline may have changed what it refused, so it is made anew.
		logs := e.logs(t)
		if logs.LogRecordCount() == 0 { // switched off
			return
		}
		opCtx := e.receiver.report.StartLogsOp(ctx)
		err := e.receiver.logs.ConsumeLogs(opCtx, logs)
		e.receiver.report.EndLogsOp(opCtx, metadata.Type.String(), 1, err)
		switch {
		case err == nil:
			return
		case consumererror.IsPermanent(err) || wait > lastRetry:
			e.drop(t, err.Error())
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
		e.drop(t, err.Error())
		return
	}
}

func (e *events) drop(t check.Transition, why string) {
	e.receiver.telemetry.ReceiverAgentHealthDroppedEvents.Add(context.Background(), 1)
	e.receiver.set.Logger.Error("An event was dropped", zap.String("why", why), zap.String("event", sentence(t)))
}

func (e *events) logs(t check.Transition) plog.Logs {
	var options []metadata.EventAttributeOption
	if t.ErrorType != check.None {
		options = append(options, metadata.WithErrorTypeEventAttribute(string(t.ErrorType)), metadata.WithErrorMessageEventAttribute(t.Reason))
	}
	e.builder.RecordAgentHealthTransitionEvent(
		// There is no trace to which a transition belongs.
		context.Background(), pcommon.NewTimestampFromTime(t.Time), t.Name, t.Type, t.Critical,
		metadata.MapAttributeState[t.State.String()], metadata.MapAttributePreviousState[t.Previous.String()],
		t.Duration.Seconds(), options...,
	)
	logs := e.builder.Emit(metadata.WithLogsResource(e.resource))
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				number := severity(t)
				record.SetSeverityNumber(number)
				record.SetSeverityText(strings.ToUpper(number.String()))
				record.SetObservedTimestamp(record.Timestamp())
				record.Body().SetStr(sentence(t))
			}
		}
	}
	return logs
}

// severity rises with the state, and once more for what is critical.
func severity(t check.Transition) plog.SeverityNumber {
	switch {
	case t.State == check.Healthy:
		return plog.SeverityNumberInfo
	case t.State == check.Unhealthy && t.Critical:
		return plog.SeverityNumberFatal
	case t.State == check.Unhealthy:
		return plog.SeverityNumberError
	default:
		return plog.SeverityNumberWarn
	}
}

// sentence says what happened, for a person.
func sentence(t check.Transition) string {
	s := fmt.Sprintf("Check %q is %s", t.Name, t.State)
	if t.Previous != check.Unknown {
		s = fmt.Sprintf("Check %q went from %s to %s", t.Name, t.Previous, t.State)
	}
	if t.Reason != "" {
		s += ": " + t.Reason
	}
	return s + "."
}
