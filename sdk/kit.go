package sdk

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation scope of all that this package makes.
const Scope = "github.com/watchkeeper/watchkeeper/sdk"

// Kit starts spans and makes instruments with providers of its own. The zero Kit
// uses the global providers of OpenTelemetry, and so do the functions of this
// package. It may be copied and is safe for concurrent use.
type Kit struct {
	tracers trace.TracerProvider
	meters  metric.MeterProvider
}

// New returns a Kit on these providers, for programs with more than one, such as
// several agents in one process. A nil provider stands for the global one.
func New(tracers trace.TracerProvider, meters metric.MeterProvider) Kit {
	return Kit{tracers: tracers, meters: meters}
}

// StartWorkflow is [StartWorkflow] with the providers of the Kit.
func (k Kit) StartWorkflow(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return startWorkflow(ctx, k.tracer(), name, options)
}

// StartAgent is [StartAgent] with the providers of the Kit.
func (k Kit) StartAgent(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return startAgent(ctx, k.tracer(), name, options)
}

// StartTool is [StartTool] with the providers of the Kit.
func (k Kit) StartTool(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return startTool(ctx, k.tracer(), name, options)
}

// StartInference is [StartInference] with the providers of the Kit.
func (k Kit) StartInference(ctx context.Context, provider, model string, options ...Option) (context.Context, *Inference) {
	return startInference(ctx, k.tracer(), provider, model, options)
}

func (k Kit) tracer() trace.Tracer {
	provider := k.tracers
	if provider == nil {
		provider = otel.GetTracerProvider()
	}
	return provider.Tracer(Scope)
}

func (k Kit) meter() metric.Meter {
	provider := k.meters
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	return provider.Meter(Scope)
}
