package sdk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk/internal/toolcall"
)

// Names of attributes: those of the GenAI conventions as of their own repository,
// and workflow.*, which are Watchkeeper's.
const (
	keyOperation    = attribute.Key("gen_ai.operation.name")
	keyWorkflow     = attribute.Key("gen_ai.workflow.name")
	keyAgent        = attribute.Key("gen_ai.agent.name")
	keyAgentID      = attribute.Key("gen_ai.agent.id")
	keyConversation = attribute.Key("gen_ai.conversation.id")
	keyTool         = attribute.Key("gen_ai.tool.name")
	keyToolType     = attribute.Key("gen_ai.tool.type")
	keyToolCallID   = attribute.Key("gen_ai.tool.call.id")
	keyErrorType    = attribute.Key("error.type")

	keyWorkflowID   = attribute.Key("workflow.id")
	keyWorkflowName = attribute.Key("workflow.name")
	keyPriority     = attribute.Key("workflow.priority")
	keyTier         = attribute.Key("workflow.complexity_tier")
)

// maxDescription bounds the text of an error on a span, in bytes.
const maxDescription = 512

// Operation is a workflow, agent or tool at work, from its start to End. It is safe
// for concurrent use.
type Operation struct {
	span trace.Span

	mu sync.Mutex
	// ended is set by the first End.
	ended bool
	// call is nil for what is no tool.
	call *toolcall.Call
}

// StartWorkflow begins a run of the workflow of this name: one of few names, as it
// becomes a label of metrics. The agents, tools and model calls that are started
// with the context it returns belong to it. End it.
func StartWorkflow(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return Kit{}.StartWorkflow(ctx, name, options...)
}

// StartAgent begins the work of the agent of this name. Tools and model calls that
// are started with the context it returns are known as its own. End it.
func StartAgent(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return Kit{}.StartAgent(ctx, name, options...)
}

// StartTool begins one run of a tool. If the tool is called over MCP with the
// context that it returns, through the middleware of package mcp, the MCP call is
// described on this same span. End it.
func StartTool(ctx context.Context, name string, options ...Option) (context.Context, *Operation) {
	return Kit{}.StartTool(ctx, name, options...)
}

// Span returns the span, for attributes and events of one's own.
func (o *Operation) Span() trace.Span { return o.span }

// End ends the operation: with nil it has succeeded, and the span's status stays
// unset, as the conventions have it; with an error the status is ERROR, error.type
// is that of [ErrorType], and the description is the error's text, cut at 512
// bytes. Only the first End counts.
//
// A tool whose MCP call has told of an error of its own (a result with isError)
// ends as failed with error.type "tool_error" also if err is nil.
func (o *Operation) End(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	o.ended = true
	if err != nil {
		o.span.SetAttributes(keyErrorType.String(ErrorType(err)))
		o.span.SetStatus(codes.Error, describe(err.Error()))
	} else if failure := o.call.Failure(); failure != "" {
		o.span.SetAttributes(keyErrorType.String(failure))
		o.span.SetStatus(codes.Error, "")
	}
	o.span.End()
}

// Done is End for a defer statement: it ends the operation with the error that err
// points to. While the function panics, it records the panic as an exception event,
// ends the operation with error.type "panic", and lets the panic go on.
//
//	func plan(ctx context.Context) (err error) {
//		ctx, agent := sdk.StartAgent(ctx, "planner")
//		defer agent.Done(&err)
func (o *Operation) Done(err *error) {
	if value := recover(); value != nil {
		o.panicked(value)
		panic(value)
	}
	if err == nil {
		o.End(nil)
		return
	}
	o.End(*err)
}

func (o *Operation) panicked(value any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return
	}
	o.ended = true
	text := describe(fmt.Sprint(value))
	o.span.AddEvent("exception", trace.WithAttributes(
		attribute.String("exception.type", "panic"),
		attribute.String("exception.message", text),
		attribute.String("exception.stacktrace", string(debug.Stack())),
	))
	o.span.SetAttributes(keyErrorType.String("panic"))
	o.span.SetStatus(codes.Error, text)
	o.span.End()
}

func startWorkflow(ctx context.Context, tracer trace.Tracer, name string, options []Option) (context.Context, *Operation) {
	s := read(options)
	if s.workflowID == "" {
		s.workflowID = newID()
	}
	in := partOf(ctx)
	in.workflowID = s.workflowID
	in.conversation = orElse(s.conversation, in.conversation)
	in.agent = ""
	attributes := []attribute.KeyValue{
		keyOperation.String("invoke_workflow"),
		keyWorkflow.String(name), keyWorkflowName.String(name), keyWorkflowID.String(s.workflowID),
	}
	attributes = appendKnown(attributes, keyPriority, s.priority)
	attributes = appendKnown(attributes, keyTier, s.tier)
	attributes = appendKnown(attributes, keyConversation, in.conversation)
	return start(in.with(ctx), tracer, "invoke_workflow", name, trace.SpanKindInternal, attributes, s)
}

func startAgent(ctx context.Context, tracer trace.Tracer, name string, options []Option) (context.Context, *Operation) {
	s := read(options)
	in := partOf(ctx)
	in.agent = name
	in.conversation = orElse(s.conversation, in.conversation)
	attributes := in.append([]attribute.KeyValue{keyOperation.String("invoke_agent")})
	attributes = appendKnown(attributes, keyAgentID, s.agentID)
	kind := trace.SpanKindInternal
	if s.remote {
		kind = trace.SpanKindClient
	}
	return start(in.with(ctx), tracer, "invoke_agent", name, kind, attributes, s)
}

func startTool(ctx context.Context, tracer trace.Tracer, name string, options []Option) (context.Context, *Operation) {
	s := read(options)
	attributes := partOf(ctx).append([]attribute.KeyValue{
		keyOperation.String("execute_tool"), keyTool.String(name), keyToolType.String(orElse(s.toolType, "function")),
	})
	attributes = appendKnown(attributes, keyToolCallID, s.toolCallID)
	ctx, o := start(ctx, tracer, "execute_tool", name, trace.SpanKindInternal, attributes, s)
	ctx, o.call = toolcall.With(ctx, name)
	return ctx, o
}

// start makes the span "operation name".
func start(ctx context.Context, tracer trace.Tracer, operation, name string, kind trace.SpanKind,
	attributes []attribute.KeyValue, s settings,
) (context.Context, *Operation) {
	spanName := operation
	if name != "" {
		spanName += " " + name
	}
	ctx, span := tracer.Start(ctx, spanName, trace.WithSpanKind(kind),
		trace.WithAttributes(attributes...), trace.WithAttributes(s.attributes...), trace.WithLinks(s.links...))
	return ctx, &Operation{span: span}
}

// describe cuts a text to what a span may carry.
func describe(text string) string {
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return strings.ToValidUTF8(text, "")
}

func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func appendKnown(attributes []attribute.KeyValue, key attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return attributes
	}
	return append(attributes, key.String(value))
}
