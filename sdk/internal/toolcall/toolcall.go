// Package toolcall is how the packages of the SDK find the tool that is being run,
// so that a call is described by one span and not by one a layer.
package toolcall

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"
)

// Call is one run of a tool. It is safe for concurrent use.
type Call struct {
	name string
	span trace.Span

	mu      sync.Mutex
	adopted bool
	failure string
}

type key struct{}

// With returns a context in which the run of a tool, whose span is the current one,
// is the current call.
func With(ctx context.Context, tool string) (context.Context, *Call) {
	c := &Call{name: tool, span: trace.SpanFromContext(ctx)}
	return context.WithValue(ctx, key{}, c), c
}

// Adopt returns the current call and its span to the first that describes its own
// layer on it, if the tool has this name. It returns nil to those that come later,
// and when another span, be it of HTTP or of another call, is in between.
func Adopt(ctx context.Context, tool string) (*Call, trace.Span) {
	c, ok := ctx.Value(key{}).(*Call)
	if !ok || c.name != tool || c.span != trace.SpanFromContext(ctx) {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adopted {
		return nil, nil
	}
	c.adopted = true
	return c, c.span
}

// Fail tells that the layer below has failed, with this error type.
func (c *Call) Fail(errorType string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = errorType
}

// Failure returns what Fail was told, empty if it was not called.
func (c *Call) Failure() string {
	if c == nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}
