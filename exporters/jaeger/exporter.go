package jaeger

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
	"github.com/watchkeeper/watchkeeper/internal/tracelink"
)

// front stands before the queue: what is left out takes no room in it, and a link
// is written once however often its span is offered.
type front struct {
	exporter.Traces
	// selector is nil when every trace is sent.
	selector  *selector
	page      tracelink.Page
	telemetry *metadata.TelemetryBuilder

	end      sync.Once
	endError error
}

func newFront(cfg *Config, next exporter.Traces, telemetry *metadata.TelemetryBuilder) (*front, error) {
	page, err := tracelink.Parse(cfg.UIEndpoint)
	if err != nil {
		return nil, err
	}
	f := &front{Traces: next, page: page, telemetry: telemetry}
	if cfg.Traces == Workflows {
		f.selector = newSelector(cfg.MaxTraces)
	}
	return f, nil
}

// Capabilities tells the truth: spans are removed and linked in place.
func (f *front) Capabilities() consumer.Capabilities {
	if f.selector != nil || f.page != (tracelink.Page{}) {
		return consumer.Capabilities{MutatesData: true}
	}
	return f.Traces.Capabilities()
}

// ConsumeTraces passes on the chosen spans and counts the rest.
func (f *front) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if f.selector != nil {
		removed, refused := f.selector.keep(time.Now(), td)
		if removed > 0 {
			f.telemetry.ExporterJaegerFilteredSpans.Add(ctx, int64(removed))
		}
		if refused > 0 {
			f.telemetry.ExporterJaegerUnrememberedTraces.Add(ctx, int64(refused))
		}
		if td.SpanCount() == 0 {
			return nil
		}
	}
	if f.page != (tracelink.Page{}) {
		linkRoots(f.page, td)
	}
	return f.Traces.ConsumeTraces(ctx, td)
}

// Shutdown may be called twice, which exporterhelper does not bear.
func (f *front) Shutdown(ctx context.Context) error {
	f.end.Do(func() { f.endError = f.Traces.Shutdown(ctx) })
	return f.endError
}
