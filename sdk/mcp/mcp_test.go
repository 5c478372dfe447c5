package mcp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/sdk"
	mcptrace "github.com/watchkeeper/watchkeeper/sdk/mcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// both is a client and a server with spans of their own.
type both struct {
	session        *mcp.ClientSession
	kit            sdk.Kit
	client, server *tracetest.InMemoryExporter
}

type input struct {
	Fail string `json:"fail,omitempty"`
}

// newServer has a tool "search" that fails as it is told to, and a prompt.
func newServer(tracers trace.TracerProvider) *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "tools", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "search"},
		func(_ context.Context, _ *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			switch in.Fail {
			case "tool":
				return nil, nil, errors.New("nothing found")
			case "protocol":
				return nil, nil, &jsonrpc.Error{Code: -32050, Message: "out of order"}
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "found"}}}, nil, nil
		})
	server.AddPrompt(&mcp.Prompt{Name: "greet"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return &mcp.GetPromptResult{}, nil
	})
	mcptrace.InstrumentServer(server, mcptrace.WithTracerProvider(tracers))
	return server
}

func connect(t *testing.T, serve func(*testing.T, *mcp.Server) mcp.Transport, options *mcp.ClientSessionOptions) *both {
	b := &both{client: tracetest.NewInMemoryExporter(), server: tracetest.NewInMemoryExporter()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.client))
	b.kit = sdk.New(tracers, nil)
	transport := serve(t, newServer(sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.server))))
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil)
	mcptrace.InstrumentClient(client, mcptrace.WithTracerProvider(tracers),
		mcptrace.WithAttributes(attribute.String("server.address", "tools.example")))
	session, err := client.Connect(t.Context(), transport, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, session.Close()) })
	b.session = session
	return b
}

func inMemory(t *testing.T, server *mcp.Server) mcp.Transport {
	near, far := mcp.NewInMemoryTransports()
	session, err := server.Connect(t.Context(), far, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = session.Wait() })
	return near
}

func overHTTP(stateless bool) func(*testing.T, *mcp.Server) mcp.Transport {
	return func(t *testing.T, server *mcp.Server) mcp.Transport {
		handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
			&mcp.StreamableHTTPOptions{Stateless: stateless})
		web := httptest.NewServer(handler)
		client := &http.Client{Transport: &http.Transport{}}
		t.Cleanup(func() {
			client.CloseIdleConnections()
			web.CloseClientConnections()
			web.Close()
		})
		return &mcp.StreamableClientTransport{Endpoint: web.URL, HTTPClient: client}
	}
}

func find(t *testing.T, e *tracetest.InMemoryExporter, name string) tracetest.SpanStub {
	t.Helper()
	for _, s := range e.GetSpans() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no span %q", name)
	return tracetest.SpanStub{}
}

func attributesOf(s tracetest.SpanStub) map[string]string {
	found := make(map[string]string)
	for _, a := range s.Attributes {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

var transports = map[string]struct {
	serve   func(*testing.T, *mcp.Server) mcp.Transport
	options *mcp.ClientSessionOptions
	version string
	session bool
	http    bool
}{
	"in memory":            {serve: inMemory, version: "2026-07-28"},
	"in memory, sessions":  {serve: inMemory, version: "2025-11-25", options: &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"}},
	"streamable HTTP":      {serve: overHTTP(true), version: "2026-07-28", http: true},
	"streamable, sessions": {serve: overHTTP(false), version: "2025-11-25", options: &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"}, http: true, session: true},
}

func TestACallIsASpanOnEachSide(t *testing.T) {
	for name, c := range transports {
		t.Run(name, func(t *testing.T) {
			b := connect(t, c.serve, c.options)
			ctx, agent := b.kit.StartAgent(t.Context(), "researcher")
			_, err := b.session.CallTool(ctx, &mcp.CallToolParams{Name: "search"})
			require.NoError(t, err)
			agent.End(nil)

			sent := find(t, b.client, "tools/call search")
			require.Equal(t, trace.SpanKindClient, sent.SpanKind)
			require.Equal(t, codes.Unset, sent.Status.Code)
			require.Equal(t, agent.Span().SpanContext().SpanID(), sent.Parent.SpanID())
			want := map[string]string{
				"mcp.method.name": "tools/call", "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search",
				"mcp.protocol.version": c.version, "server.address": "tools.example",
			}
			if c.session {
				want["mcp.session.id"] = b.session.ID()
			}
			require.Equal(t, want, attributesOf(sent))

			handled := find(t, b.server, "tools/call search")
			require.Equal(t, trace.SpanKindServer, handled.SpanKind)
			require.Equal(t, sent.SpanContext.TraceID(), handled.SpanContext.TraceID())
			require.Equal(t, sent.SpanContext.SpanID(), handled.Parent.SpanID())
			delete(want, "server.address")
			if c.http {
				want["network.transport"], want["network.protocol.name"] = "tcp", "http"
			}
			require.Equal(t, want, attributesOf(handled))
		})
	}
}

func TestEveryMethodIsTraced(t *testing.T) {
	b := connect(t, inMemory, &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	ctx := t.Context()
	require.NoError(t, b.session.Ping(ctx, nil))
	_, err := b.session.ListTools(ctx, nil)
	require.NoError(t, err)
	_, err = b.session.GetPrompt(ctx, &mcp.GetPromptParams{Name: "greet"})
	require.NoError(t, err)
	for _, name := range []string{"ping", "tools/list", "prompts/get greet"} {
		sent, handled := find(t, b.client, name), find(t, b.server, name)
		require.Equal(t, sent.SpanContext.SpanID(), handled.Parent.SpanID(), name)
	}
	require.Equal(t, "greet", attributesOf(find(t, b.server, "prompts/get greet"))["gen_ai.prompt.name"])
	require.Equal(t, trace.SpanKindClient, find(t, b.client, "initialize").SpanKind)
}

func TestAToolIsDescribedByOneSpan(t *testing.T) {
	b := connect(t, inMemory, nil)
	b.client.Reset()
	ctx, tool := b.kit.StartTool(t.Context(), "search")
	_, err := b.session.CallTool(ctx, &mcp.CallToolParams{Name: "search"})
	require.NoError(t, err)
	// A second call, such as a retry, is one of its own.
	_, err = b.session.CallTool(ctx, &mcp.CallToolParams{Name: "search"})
	require.NoError(t, err)
	tool.End(nil)

	require.Len(t, b.client.GetSpans(), 2)
	outer, again := find(t, b.client, "execute_tool search"), find(t, b.client, "tools/call search")
	got := attributesOf(outer)
	require.Equal(t, "tools/call", got["mcp.method.name"])
	require.Equal(t, "2026-07-28", got["mcp.protocol.version"])
	require.Equal(t, "execute_tool", got["gen_ai.operation.name"])
	require.Equal(t, outer.SpanContext.SpanID(), again.Parent.SpanID())
	require.Equal(t, outer.SpanContext.SpanID(), find(t, b.server, "tools/call search").Parent.SpanID())
}

func TestAnotherToolOrASpanInBetweenIsNotAdopted(t *testing.T) {
	b := connect(t, inMemory, nil)
	ctx, tool := b.kit.StartTool(t.Context(), "answer")
	_, err := b.session.CallTool(ctx, &mcp.CallToolParams{Name: "search"})
	require.NoError(t, err)
	tool.End(nil)
	require.NotContains(t, attributesOf(find(t, b.client, "execute_tool answer")), "mcp.method.name")
	require.Equal(t, trace.SpanKindClient, find(t, b.client, "tools/call search").SpanKind)

	b.client.Reset()
	ctx, tool = b.kit.StartTool(t.Context(), "search")
	inner, agent := b.kit.StartAgent(ctx, "helper")
	_, err = b.session.CallTool(inner, &mcp.CallToolParams{Name: "search"})
	require.NoError(t, err)
	agent.End(nil)
	tool.End(nil)
	require.Equal(t, agent.Span().SpanContext().SpanID(), find(t, b.client, "tools/call search").Parent.SpanID())
}

func TestFailuresAreTold(t *testing.T) {
	for name, c := range transports {
		t.Run(name, func(t *testing.T) {
			b := connect(t, c.serve, c.options)
			call := func(tool, fail string) (sent, handled tracetest.SpanStub) {
				b.client.Reset()
				b.server.Reset()
				_, _ = b.session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"fail": fail}})
				return find(t, b.client, "tools/call "+tool), find(t, b.server, "tools/call "+tool)
			}
			sent, handled := call("search", "tool")
			for _, s := range []tracetest.SpanStub{sent, handled} {
				require.Equal(t, codes.Error, s.Status.Code)
				require.Equal(t, "tool_error", attributesOf(s)["error.type"])
			}
			sent, handled = call("search", "protocol")
			for _, s := range []tracetest.SpanStub{sent, handled} {
				require.Equal(t, codes.Error, s.Status.Code)
				require.Equal(t, "-32050", attributesOf(s)["error.type"])
				require.Equal(t, "-32050", attributesOf(s)["rpc.response.status_code"])
			}
			// The caller's fault is no failure of the server.
			sent, handled = call("no such tool", "")
			require.Equal(t, "-32602", attributesOf(sent)["error.type"])
			require.Equal(t, codes.Unset, handled.Status.Code)
			require.Equal(t, "-32602", attributesOf(handled)["rpc.response.status_code"])
			require.NotContains(t, attributesOf(handled), "error.type")
		})
	}
}

func TestAToolThatTellsOfAnErrorHasFailed(t *testing.T) {
	b := connect(t, inMemory, nil)
	ctx, tool := b.kit.StartTool(t.Context(), "search")
	_, err := b.session.CallTool(ctx, &mcp.CallToolParams{Name: "search", Arguments: map[string]any{"fail": "tool"}})
	require.NoError(t, err)
	tool.End(nil)
	got := find(t, b.client, "execute_tool search")
	require.Equal(t, codes.Error, got.Status.Code)
	require.Equal(t, "tool_error", attributesOf(got)["error.type"])
}

func TestParametersOfTheCallerAreNotChanged(t *testing.T) {
	b := connect(t, overHTTP(false), &mcp.ClientSessionOptions{ProtocolVersion: "2025-11-25"})
	params := &mcp.CallToolParams{Name: "search", Meta: mcp.Meta{"mine": "kept"}, Arguments: map[string]any{}}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := b.session.CallTool(t.Context(), params)
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.Equal(t, mcp.Meta{"mine": "kept"}, params.Meta)
	parents := make(map[trace.SpanID]bool)
	for _, s := range b.server.GetSpans() {
		if s.Name == "tools/call search" {
			parents[s.Parent.SpanID()] = true
		}
	}
	require.Len(t, parents, 8)
}

func TestTheSpanOfTheTransportBecomesALink(t *testing.T) {
	web := tracetest.NewInMemoryExporter()
	webTracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(web))
	b := connect(t, func(t *testing.T, server *mcp.Server) mcp.Transport {
		handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
		s := httptest.NewServer(otelhttp.NewHandler(handler, "mcp", otelhttp.WithTracerProvider(webTracers),
			otelhttp.WithPropagators(propagation.TraceContext{})))
		base := &http.Transport{}
		t.Cleanup(func() {
			base.CloseIdleConnections()
			s.CloseClientConnections()
			s.Close()
		})
		client := &http.Client{Transport: otelhttp.NewTransport(base, otelhttp.WithTracerProvider(webTracers),
			otelhttp.WithPropagators(propagation.TraceContext{}))}
		return &mcp.StreamableClientTransport{Endpoint: s.URL, HTTPClient: client}
	}, nil)
	_, err := b.session.CallTool(t.Context(), &mcp.CallToolParams{Name: "search"})
	require.NoError(t, err)
	sent, handled := find(t, b.client, "tools/call search"), find(t, b.server, "tools/call search")
	require.Equal(t, sent.SpanContext.SpanID(), handled.Parent.SpanID())
	require.Len(t, handled.Links, 1)
	require.Equal(t, sent.SpanContext.TraceID(), handled.Links[0].SpanContext.TraceID())
}
