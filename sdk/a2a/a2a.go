package a2a

import (
	"context"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation scope of this package's spans.
const Scope = "github.com/watchkeeper/watchkeeper/sdk/a2a"

// Option changes what an interceptor does.
type Option func(*interceptor)

// WithTracerProvider has spans made by this provider and not by the global one.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(i *interceptor) { i.tracers = p }
}

// WithPropagator has the trace carried by this propagator. Without it, it is carried
// as W3C Trace Context and Baggage.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(i *interceptor) { i.propagator = p }
}

// WithAttributes adds attributes to each span that is made.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(i *interceptor) { i.attributes = append(i.attributes, attributes...) }
}

// Client returns an interceptor for a client: a span for each request, and its
// context sent with it. It is safe for concurrent use by several clients.
func Client(options ...Option) a2aclient.CallInterceptor {
	return client{newInterceptor(options)}
}

// Server returns an interceptor for a request handler: a span for each request, as a
// child of the span that is current, such as one of otelhttp, and without one of the
// context that was sent. It is safe for concurrent use by several handlers.
func Server(options ...Option) a2asrv.CallInterceptor {
	return server{newInterceptor(options)}
}

type interceptor struct {
	tracers    trace.TracerProvider
	propagator propagation.TextMapPropagator
	attributes []attribute.KeyValue
}

func newInterceptor(options []Option) *interceptor {
	i := &interceptor{
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	for _, option := range options {
		option(i)
	}
	return i
}

func (i *interceptor) start(ctx context.Context, method string, kind trace.SpanKind, attributes []attribute.KeyValue) context.Context {
	tracers := i.tracers
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	ctx, span := tracers.Tracer(Scope).Start(ctx, method, trace.WithSpanKind(kind),
		trace.WithAttributes(attribute.String("a2a.method.name", method)),
		trace.WithAttributes(attributes...), trace.WithAttributes(i.attributes...))
	return withExchange(ctx, newExchange(ctx, span, isStream(method)))
}

type client struct{ *interceptor }

// Before starts the span of a request and sends its context with it.
func (c client) Before(ctx context.Context, request *a2aclient.Request) (context.Context, any, error) {
	attributes := append(ofPayload(request.Payload), ofAddress(request.BaseURL)...)
	if request.Card != nil && request.Card.Name != "" {
		attributes = append(attributes, attribute.String("gen_ai.agent.name", request.Card.Name))
	}
	// The client keeps this one under its name as it is written, where Get does not look.
	version := append(request.ServiceParams.Get(a2a.SvcParamVersion), request.ServiceParams[a2a.SvcParamVersion]...)
	attributes = known(attributes, "a2a.protocol.version", first(version))
	ctx = c.start(ctx, request.Method, trace.SpanKindClient, attributes)
	if request.ServiceParams == nil {
		request.ServiceParams = make(a2aclient.ServiceParams)
	}
	c.propagator.Inject(ctx, sent(request.ServiceParams))
	return ctx, nil, nil
}

// After ends the span of a request, or notes one event of its stream.
func (c client) After(ctx context.Context, response *a2aclient.Response) error {
	exchangeOf(ctx).after(response.Payload, response.Err)
	return nil
}

type server struct{ *interceptor }

// Before starts the span of a request.
func (s server) Before(ctx context.Context, call *a2asrv.CallContext, request *a2asrv.Request) (context.Context, any, error) {
	attributes := ofPayload(request.Payload)
	params := call.ServiceParams()
	version, _ := params.Get(a2a.SvcParamVersion)
	attributes = known(attributes, "a2a.protocol.version", first(version))
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = s.propagator.Extract(ctx, received{params})
	}
	return s.start(ctx, call.Method(), trace.SpanKindServer, attributes), nil, nil
}

// After ends the span of a request, or notes one event of its stream.
func (s server) After(ctx context.Context, _ *a2asrv.CallContext, response *a2asrv.Response) error {
	exchangeOf(ctx).after(response.Payload, response.Err)
	return nil
}

// sent and received are service parameters as a propagator sees them.
type sent a2aclient.ServiceParams

// Get returns the first value under a key.
func (s sent) Get(key string) string { return first(a2aclient.ServiceParams(s).Get(key)) }

// Set replaces the values under a key.
func (s sent) Set(key, value string) {
	delete(s, lower(key))
	a2aclient.ServiceParams(s).Append(key, value)
}

// Keys returns every key.
func (s sent) Keys() []string {
	keys := make([]string, 0, len(s))
	for key := range s {
		keys = append(keys, key)
	}
	return keys
}

type received struct{ *a2asrv.ServiceParams }

// Get returns the first value under a key.
func (r received) Get(key string) string {
	values, _ := r.ServiceParams.Get(key)
	return first(values)
}

// Set does nothing: what was received is not written to.
func (received) Set(string, string) {}

// Keys returns every key.
func (r received) Keys() (keys []string) {
	for key := range r.List() {
		keys = append(keys, key)
	}
	return keys
}
