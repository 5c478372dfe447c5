package mcp

import (
	"context"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk/internal/toolcall"
)

// Scope is the name of the instrumentation scope of this package's spans.
const Scope = "github.com/watchkeeper/watchkeeper/sdk/mcp"

// Option changes what the middleware does.
type Option func(*middleware)

// WithTracerProvider has spans made by this provider and not by the global one.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(m *middleware) { m.tracers = p }
}

// WithPropagator has the trace carried by this propagator. Without it, it is carried
// as W3C Trace Context and Baggage, whatever the global propagator is, because that
// is what the protocol says.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(m *middleware) { m.propagator = p }
}

// WithAttributes adds attributes to each span that is made, such as server.address
// and server.port of the server that a client is connected to, or network.transport.
func WithAttributes(attributes ...attribute.KeyValue) Option {
	return func(m *middleware) { m.attributes = append(m.attributes, attributes...) }
}

// InstrumentClient adds the middleware to both directions of a client. It must be
// called before the client connects.
func InstrumentClient(c *mcp.Client, options ...Option) {
	c.AddSendingMiddleware(Sending(options...))
	c.AddReceivingMiddleware(Receiving(options...))
}

// InstrumentServer adds the middleware to both directions of a server.
func InstrumentServer(s *mcp.Server, options ...Option) {
	s.AddSendingMiddleware(Sending(options...))
	s.AddReceivingMiddleware(Receiving(options...))
}

// Sending returns middleware that makes a CLIENT span for each message sent and puts
// its context into it. Both sides send: a server does for sampling or progress.
func Sending(options ...Option) mcp.Middleware {
	m := newMiddleware(options)
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
			return m.send(ctx, method, request, next)
		}
	}
}

// Receiving returns middleware that makes a SERVER span for each message handled,
// as a child of the context that was sent with it.
func Receiving(options ...Option) mcp.Middleware {
	m := newMiddleware(options)
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
			return m.receive(ctx, method, request, next)
		}
	}
}

type middleware struct {
	tracers    trace.TracerProvider
	propagator propagation.TextMapPropagator
	attributes []attribute.KeyValue
}

func newMiddleware(options []Option) *middleware {
	m := &middleware{
		propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	for _, option := range options {
		option(m)
	}
	return m
}

func (m *middleware) tracer() trace.Tracer {
	if m.tracers != nil {
		return m.tracers.Tracer(Scope)
	}
	return otel.GetTracerProvider().Tracer(Scope)
}

func (m *middleware) send(ctx context.Context, method string, request mcp.Request, next mcp.MethodHandler) (mcp.Result, error) {
	subject := subjectOf(method, request)
	if subject.tool != "" {
		if call, span := toolcall.Adopt(ctx, subject.tool); call != nil {
			span.SetAttributes(m.describe(method, request, subject)...)
			result, err := next(ctx, method, m.carry(ctx, method, request))
			answered(span, request)
			if failure, attributes := outcome(result, err); failure != "" {
				span.SetAttributes(attributes...)
				call.Fail(failure)
			}
			return result, err
		}
	}
	ctx, span := m.tracer().Start(ctx, subject.name(method), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(m.describe(method, request, subject)...))
	defer span.End()
	result, err := next(ctx, method, m.carry(ctx, method, request))
	answered(span, request)
	fail(span, result, err, false)
	return result, err
}

func (m *middleware) receive(ctx context.Context, method string, request mcp.Request, next mcp.MethodHandler) (mcp.Result, error) {
	subject := subjectOf(method, request)
	options := []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(m.describe(method, request, subject)...),
	}
	ambient := trace.SpanContextFromContext(ctx)
	sent := m.propagator.Extract(ctx, carrier(metaOf(request)))
	if parent := trace.SpanContextFromContext(sent); parent.IsValid() && !parent.Equal(ambient) {
		ctx = sent
		if ambient.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: ambient}))
		}
	}
	ctx, span := m.tracer().Start(ctx, subject.name(method), options...)
	defer span.End()
	result, err := next(ctx, method, request)
	fail(span, result, err, true)
	return result, err
}

// subject is what a message is about.
type subject struct{ tool, prompt, resource string }

func (s subject) name(method string) string {
	if target := s.tool + s.prompt; target != "" {
		return method + " " + target
	}
	return method
}

func subjectOf(method string, request mcp.Request) (s subject) {
	switch p := request.GetParams().(type) {
	case *mcp.CallToolParams:
		if p != nil {
			s.tool = p.Name
		}
	case *mcp.CallToolParamsRaw:
		if p != nil {
			s.tool = p.Name
		}
	case *mcp.GetPromptParams:
		if p != nil {
			s.prompt = p.Name
		}
	case *mcp.ReadResourceParams:
		if p != nil {
			s.resource = p.URI
		}
	}
	if !strings.HasPrefix(method, "tools/") {
		s.tool = ""
	}
	return s
}
