package mcp

import (
	"context"
	"errors"
	"reflect"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// toolError is the error.type of a tool that has run and tells of an error in its
// result.
const toolError = "tool_error"

// resourceNotFound is the code of versions of the protocol before 2026-07-28.
const resourceNotFound = -32002

// maxDescription bounds the text of an error on a span, in bytes.
const maxDescription = 512

// describe returns the attributes that are known before a message is answered.
func (m *middleware) describe(method string, request mcp.Request, s subject) []attribute.KeyValue {
	attributes := append(make([]attribute.KeyValue, 0, 8+len(m.attributes)), attribute.String("mcp.method.name", method))
	attributes = append(attributes, m.attributes...)
	known := func(key attribute.Key, value string) {
		if value != "" {
			attributes = append(attributes, key.String(value))
		}
	}
	if s.tool != "" {
		known("gen_ai.operation.name", "execute_tool")
	}
	known("gen_ai.tool.name", s.tool)
	known("gen_ai.prompt.name", s.prompt)
	known("mcp.resource.uri", s.resource)
	known("mcp.session.id", sessionID(request))
	known("mcp.protocol.version", protocolVersion(request))
	if extra := request.GetExtra(); extra != nil && extra.Header != nil {
		known("network.transport", "tcp")
		known("network.protocol.name", "http")
	}
	return attributes
}

// answered adds what only the answer to a handshake makes known.
func answered(span trace.Span, request mcp.Request) {
	if !span.IsRecording() {
		return
	}
	switch request.GetParams().(type) {
	case *mcp.InitializeParams, *mcp.DiscoverParams:
		if id := sessionID(request); id != "" {
			span.SetAttributes(attribute.String("mcp.session.id", id))
		}
	}
}

// fail tells a span that its message has failed, if it has.
func fail(span trace.Span, result mcp.Result, err error, serving bool) {
	failure, attributes := outcome(result, err)
	if failure == "" {
		return
	}
	span.SetAttributes(attributes...)
	if serving && isCallersFault(err) {
		return
	}
	span.SetAttributes(attribute.String("error.type", failure))
	text := ""
	if err != nil {
		text = err.Error()
	}
	span.SetStatus(codes.Error, text[:min(len(text), maxDescription)])
}

// outcome returns the error.type of a failure, and empty for success.
func outcome(result mcp.Result, err error) (failure string, attributes []attribute.KeyValue) {
	if err == nil {
		if r, ok := result.(*mcp.CallToolResult); ok && r != nil && r.IsError {
			return toolError, nil
		}
		return "", nil
	}
	// A caller that has given up has not been refused by the peer.
	var refused *jsonrpc.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || !errors.As(err, &refused) || refused == nil {
		return sdk.ErrorType(err), nil
	}
	code := strconv.FormatInt(refused.Code, 10)
	return code, []attribute.KeyValue{attribute.String("rpc.response.status_code", code)}
}

// isCallersFault knows the errors that a server sends for requests that are wrong:
// the conventions do not count them as its failures.
func isCallersFault(err error) bool {
	var refused *jsonrpc.Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case jsonrpc.CodeParseError, jsonrpc.CodeInvalidRequest, jsonrpc.CodeMethodNotFound, jsonrpc.CodeInvalidParams, resourceNotFound:
		return true
	}
	return false
}

func sessionID(request mcp.Request) string {
	if session := request.GetSession(); !isNil(session) {
		return session.ID()
	}
	return ""
}

func protocolVersion(request mcp.Request) string {
	if version, ok := metaOf(request)[mcp.MetaKeyProtocolVersion].(string); ok {
		return version
	}
	session := request.GetSession()
	if isNil(session) {
		return ""
	}
	switch s := session.(type) {
	case *mcp.ClientSession:
		if r := s.InitializeResult(); r != nil {
			return r.ProtocolVersion
		}
	case *mcp.ServerSession:
		if p := s.InitializeParams(); p != nil {
			return p.ProtocolVersion
		}
	}
	return ""
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return value.Kind() == reflect.Pointer && value.IsNil()
}
