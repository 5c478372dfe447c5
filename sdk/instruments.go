package sdk

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Queue counts the workflows of one type and priority that wait to be started, as
// agent.workflow.queue_depth. It is safe for concurrent use. How many are running
// is known from their spans.
type Queue struct {
	depth metric.Int64UpDownCounter
	set   metric.MeasurementOption
}

// NewQueue returns the queue of workflows of one type, which is their name, and
// priority, with the providers of the Kit. An error is one of the meter provider's.
func (k Kit) NewQueue(workflow, priority string) (*Queue, error) {
	depth, err := k.meter().Int64UpDownCounter("agent.workflow.queue_depth",
		metric.WithUnit("{workflow}"), metric.WithDescription("Workflows that wait to be started."))
	if err != nil {
		return nil, err
	}
	q := &Queue{depth: depth, set: metric.WithAttributeSet(queueAttributes(workflow, priority))}
	// A queue that nothing has entered is 0, and not absent.
	q.depth.Add(context.Background(), 0, q.set)
	return q, nil
}

// Add tells that n workflows have entered the queue, or left it if n is negative.
func (q *Queue) Add(ctx context.Context, n int64) { q.depth.Add(ctx, n, q.set) }

// ObserveQueue has depth asked for the length of a queue whenever metrics are
// collected, for queues that know their length; it takes the place of [Kit.NewQueue].
// depth must be safe for concurrent use and must not block. The function that it
// returns ends that.
func (k Kit) ObserveQueue(workflow, priority string, depth func() int64) (stop func() error, err error) {
	meter := k.meter()
	instrument, err := meter.Int64ObservableUpDownCounter("agent.workflow.queue_depth",
		metric.WithUnit("{workflow}"), metric.WithDescription("Workflows that wait to be started."))
	if err != nil {
		return nil, err
	}
	set := metric.WithAttributeSet(queueAttributes(workflow, priority))
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(instrument, depth(), set)
		return nil
	}, instrument)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

// ObserveMCPPool has stat asked for the connections to an MCP server whenever
// metrics are collected: those in use, mcp.connection_pool.active, and those that
// are open and wait for use, mcp.connection_pool.idle. The server's name becomes a
// label: one of few. stat must be safe for concurrent use and must not block. The
// function that it returns ends that.
func (k Kit) ObserveMCPPool(server string, stat func() (active, idle int64)) (stop func() error, err error) {
	meter := k.meter()
	active, err := meter.Int64ObservableUpDownCounter("mcp.connection_pool.active",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections to an MCP server that are in use."))
	if err != nil {
		return nil, err
	}
	idle, err := meter.Int64ObservableUpDownCounter("mcp.connection_pool.idle",
		metric.WithUnit("{connection}"), metric.WithDescription("Open connections to an MCP server that wait for use."))
	if err != nil {
		return nil, err
	}
	set := metric.WithAttributeSet(attribute.NewSet(attribute.String("server", server)))
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		used, waiting := stat()
		o.ObserveInt64(active, used, set)
		o.ObserveInt64(idle, waiting, set)
		return nil
	}, active, idle)
	if err != nil {
		return nil, err
	}
	return registration.Unregister, nil
}

func queueAttributes(workflow, priority string) attribute.Set {
	return attribute.NewSet(attribute.String("workflow_type", workflow), attribute.String("priority", priority))
}
