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
	// maxWaiting bounds the events that wait for a pipeline that is slow.
	maxWaiting = 1000
	// firstRetry and lastRetry bound the wait before a refused event is sent again.
	// It doubles each time, so an event is given up after about a minute.
	firstRetry = time.Second
	lastRetry  = 32 * time.Second
)

// event is what happened to a check.
type event interface {
	record(*metadata.LogsBuilder)
	severity() plog.SeverityNumber
	// sentence says what happened, for a person.
	sentence() string
}

// events sends events to the logs pipeline, in order and off the goroutines
// of the checks, so that a slow pipeline does not make checks late.
type events struct {
	receiver *agentHealth
	builder  *metadata.LogsBuilder
	resource pcommon.Resource
	waiting  chan event
	// draining is closed when no more events come and there is no time to
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
		waiting:  make(chan event, maxWaiting),
		draining: make(chan struct{}), drained: make(chan struct{}),
	}
}

// add never blocks: when too many events wait, the new one is dropped.
func (e *events) add(t event) {
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
// after the last event.
func (e *events) drain(ctx context.Context) {
	close(e.draining)
	select {
	case <-e.drained:
	case <-ctx.Done():
	}
}

// deliver sends one event, again if need be.
func (e *events) deliver(ctx context.Context, t event) {
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

func (e *events) drop(t event, why string) {
	e.receiver.telemetry.ReceiverAgentHealthDroppedEvents.Add(context.Background(), 1)
	e.receiver.set.Logger.Error("An event was dropped", zap.String("why", why), zap.String("event", t.sentence()))
}

func (e *events) logs(t event) plog.Logs {
	t.record(e.builder)
	logs := e.builder.Emit(metadata.WithLogsResource(e.resource))
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				number := t.severity()
				record.SetSeverityNumber(number)
				record.SetSeverityText(strings.ToUpper(number.String()))
				record.SetObservedTimestamp(record.Timestamp())
				record.Body().SetStr(t.sentence())
			}
		}
	}
	return logs
}

// transition is the event of a changed state.
type transition check.Transition

func (t transition) record(builder *metadata.LogsBuilder) {
	var options []metadata.EventAttributeOption
	if t.ErrorType != check.None {
		options = append(options, metadata.WithErrorTypeEventAttribute(string(t.ErrorType)))
	}
	if t.Reason != "" {
		options = append(options, metadata.WithErrorMessageEventAttribute(t.Reason))
	}
	if t.Condition != "" {
		options = append(options, metadata.WithHeartbeatConditionEventAttribute(t.Condition))
	}
	if t.Pattern != check.NoPattern {
		options = append(options, metadata.WithFailurePatternEventAttribute(string(t.Pattern)))
	}
	if t.Cause != "" {
		options = append(options, metadata.WithCauseEventAttribute(t.Cause))
	}
	builder.RecordAgentHealthTransitionEvent(
		// There is no trace to which a transition belongs.
		context.Background(), pcommon.NewTimestampFromTime(t.Time), t.Name, t.Type, t.Critical,
		metadata.MapAttributeState[t.State.String()], metadata.MapAttributePreviousState[t.Previous.String()],
		t.Duration.Seconds(), options...,
	)
}

// severity rises with the state, and once more for what is critical. What another
// check is the cause of is told of that one.
func (t transition) severity() plog.SeverityNumber {
	switch {
	case t.State == check.Healthy || t.Cause != "":
		return plog.SeverityNumberInfo
	case t.State == check.Unhealthy && t.Critical:
		return plog.SeverityNumberFatal
	case t.State == check.Unhealthy:
		return plog.SeverityNumberError
	default:
		return plog.SeverityNumberWarn
	}
}

func (t transition) sentence() string {
	s := fmt.Sprintf("Check %q is %s", t.Name, t.State)
	if t.Previous != t.State && (t.Previous != check.Unknown || t.Cause != "") {
		s = fmt.Sprintf("Check %q went from %s to %s", t.Name, t.Previous, t.State)
	}
	switch {
	case t.Reason != "":
		s += ": " + t.Reason
	case t.Cause != "":
		s += fmt.Sprintf(", as %s works again", t.Cause)
	}
	return s + "."
}

// contractChange is the event of tools that are not those that were accepted.
type contractChange check.Noticed

func (c contractChange) record(builder *metadata.LogsBuilder) {
	var options []metadata.EventAttributeOption
	for key, option := range map[string]func(string) metadata.EventAttributeOption{
		"contract":    metadata.WithMcpContractDigestEventAttribute,
		"added":       metadata.WithMcpContractAddedEventAttribute,
		"removed":     metadata.WithMcpContractRemovedEventAttribute,
		"breaking":    metadata.WithMcpContractBreakingEventAttribute,
		"description": metadata.WithMcpContractDescriptionEventAttribute,
		"schema":      metadata.WithMcpContractSchemaEventAttribute,
	} {
		if value := c.Notice.Attributes[key]; value != "" {
			options = append(options, option(value))
		}
	}
	builder.RecordAgentHealthContractChangedEvent(
		context.Background(), pcommon.NewTimestampFromTime(c.Time), c.Name, c.Type, c.Critical, options...)
}

func (contractChange) severity() plog.SeverityNumber { return plog.SeverityNumberWarn }

func (c contractChange) sentence() string {
	return fmt.Sprintf("Check %q: %s.", c.Name, c.Notice.Summary)
}
