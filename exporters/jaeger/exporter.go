package jaeger

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
)

// workflowsOnly stands in front of the queue, so that what is left out takes no
// room in it.
type workflowsOnly struct {
	exporter.Traces
	selector  *selector
	telemetry *metadata.TelemetryBuilder
}

// Capabilities tells the truth: spans are removed in place.
func (*workflowsOnly) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

// ConsumeTraces passes on the spans of workflows and counts the rest.
func (w *workflowsOnly) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if removed := w.selector.keep(time.Now(), td); removed > 0 {
		w.telemetry.ExporterJaegerFilteredSpans.Add(ctx, int64(removed))
	}
	if td.SpanCount() == 0 {
		return nil
	}
	return w.Traces.ConsumeTraces(ctx, td)
}
