package a2a

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// maxDescription bounds the text of an error on a span, in bytes.
const maxDescription = 512

// exchange is one request and its answer, or stream of answers.
type exchange struct {
	span   trace.Span
	stream bool
	// forget ends the watch over the context of a stream.
	forget func() bool

	mu    sync.Mutex
	ended bool
}

type exchangeKey struct{}

func withExchange(ctx context.Context, e *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, e)
}

// exchangeOf returns the exchange of a context, nil if there is none.
func exchangeOf(ctx context.Context) *exchange {
	e, _ := ctx.Value(exchangeKey{}).(*exchange)
	return e
}

func newExchange(ctx context.Context, span trace.Span, stream bool) *exchange {
	e := &exchange{span: span, stream: stream, forget: func() bool { return false }}
	if stream {
		e.forget = context.AfterFunc(ctx, func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.end()
		})
	}
	return e
}

// after takes an answer, or one of a stream.
func (e *exchange) after(payload any, err error) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	if err != nil {
		e.fail(errorType(err), err.Error())
		e.end()
		return
	}
	task, state := stateOf(payload)
	e.span.SetAttributes(known(nil, "a2a.task.id", task)...)
	if state != a2a.TaskStateUnspecified {
		e.span.SetAttributes(attribute.String("a2a.task.state", plain(state)))
	}
	if state == a2a.TaskStateFailed || state == a2a.TaskStateRejected {
		e.fail("task_"+plain(state), "")
	}
	_, message := payload.(*a2a.Message)
	waits := state == a2a.TaskStateInputRequired || state == a2a.TaskStateAuthRequired
	if !e.stream || message || waits || state.Terminal() {
		e.end()
	}
}

func (e *exchange) fail(failure, text string) {
	e.span.SetAttributes(attribute.String("error.type", failure))
	e.span.SetStatus(codes.Error, strings.ToValidUTF8(text[:min(len(text), maxDescription)], ""))
}

// end ends the span; mu is held.
func (e *exchange) end() {
	if e.ended {
		return
	}
	e.ended = true
	e.span.End()
	e.forget()
}

func isStream(method string) bool {
	return method == "SendStreamingMessage" || method == "SubscribeToTask"
}

// ofPayload returns what a request tells of what it is about.
func ofPayload(payload any) (attributes []attribute.KeyValue) {
	switch p := payload.(type) {
	case *a2a.SendMessageRequest:
		if p == nil || p.Message == nil {
			return nil
		}
		attributes = known(attributes, "a2a.message.id", p.Message.ID)
		attributes = known(attributes, "a2a.task.id", string(p.Message.TaskID))
		attributes = known(attributes, "gen_ai.conversation.id", p.Message.ContextID)
		attributes = known(attributes, "a2a.tenant", p.Tenant)
	case *a2a.GetTaskRequest:
		if p != nil {
			attributes = known(attributes, "a2a.task.id", string(p.ID))
		}
	case *a2a.CancelTaskRequest:
		if p != nil {
			attributes = known(attributes, "a2a.task.id", string(p.ID))
		}
	case *a2a.SubscribeToTaskRequest:
		if p != nil {
			attributes = known(attributes, "a2a.task.id", string(p.ID))
		}
	}
	return attributes
}

// stateOf returns the task that an answer tells of, and its state if it does.
func stateOf(payload any) (task string, state a2a.TaskState) {
	switch p := payload.(type) {
	case *a2a.Task:
		if p != nil {
			return string(p.ID), p.Status.State
		}
	case *a2a.TaskStatusUpdateEvent:
		if p != nil {
			return string(p.TaskID), p.Status.State
		}
	case *a2a.TaskArtifactUpdateEvent:
		if p != nil {
			return string(p.TaskID), ""
		}
	case *a2a.Message:
		if p != nil {
			return string(p.TaskID), ""
		}
	}
	return "", ""
}

// plain returns a state as conventions write it: lower case without prefix.
func plain(state a2a.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(state.String(), "TASK_STATE_"))
}

func ofAddress(base string) []attribute.KeyValue {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		// The address of a gRPC binding has no scheme.
		u = &url.URL{Host: base}
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return known(nil, "server.address", u.Hostname())
	}
	attributes := known(nil, "server.address", host)
	if number, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, attribute.Int("server.port", number))
	}
	return attributes
}

// codeOf has the JSON-RPC code of each error of the protocol.
var codeOf = []struct {
	err  error
	code string
}{
	{a2a.ErrTaskNotFound, "-32001"},
	{a2a.ErrTaskNotCancelable, "-32002"},
	{a2a.ErrPushNotificationNotSupported, "-32003"},
	{a2a.ErrUnsupportedOperation, "-32004"},
	{a2a.ErrUnsupportedContentType, "-32005"},
	{a2a.ErrInvalidAgentResponse, "-32006"},
	{a2a.ErrExtendedCardNotConfigured, "-32007"},
	{a2a.ErrExtensionSupportRequired, "-32008"},
	{a2a.ErrVersionNotSupported, "-32009"},
	{a2a.ErrParseError, "-32700"},
	{a2a.ErrInvalidRequest, "-32600"},
	{a2a.ErrMethodNotFound, "-32601"},
	{a2a.ErrInvalidParams, "-32602"},
	{a2a.ErrInternalError, "-32603"},
	{a2a.ErrUnauthenticated, "unauthenticated"},
	{a2a.ErrUnauthorized, "unauthorized"},
}

// errorType returns the code of an error of the protocol, as MCP's conventions have
// it, and else what the sdk says of errors.
func errorType(err error) string {
	for _, known := range codeOf {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return sdk.ErrorType(err)
}

func known(attributes []attribute.KeyValue, key attribute.Key, value string) []attribute.KeyValue {
	if value == "" {
		return attributes
	}
	return append(attributes, key.String(value))
}

func lower(key string) string { return strings.ToLower(key) }

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
