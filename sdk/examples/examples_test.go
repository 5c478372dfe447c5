package examples_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/watchkeeper/watchkeeper/sdk"
	mcptrace "github.com/watchkeeper/watchkeeper/sdk/mcp"
)

// provider stands for that of a program, which would export over OTLP.
func provider() (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), spans
}

// show prints the spans of an exporter, each below its parent.
func show(exporter *tracetest.InMemoryExporter) {
	spans := exporter.GetSpans()
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var below func(parent string, depth int)
	below = func(parent string, depth int) {
		for _, s := range spans {
			if s.Parent.SpanID().String() == parent {
				fmt.Printf("%s%s (%s)\n", strings.Repeat("  ", depth), s.Name, s.SpanKind)
				below(s.SpanContext.SpanID().String(), depth+1)
			}
		}
	}
	below("0000000000000000", 0)
}

// An agent that asks another one over HTTP: otelhttp carries the trace.
func Example_otelhttp() {
	tracers, spans := provider()
	kit := sdk.New(tracers, nil)
	traced := []otelhttp.Option{otelhttp.WithTracerProvider(tracers), otelhttp.WithPropagators(propagation.TraceContext{})}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /research", func(w http.ResponseWriter, r *http.Request) {
		_, agent := kit.StartAgent(r.Context(), "researcher")
		defer agent.End(nil)
		_, _ = io.WriteString(w, "found")
	})
	counted, err := kit.InFlight(mux)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(otelhttp.NewHandler(counted, "research", traced...))
	client := http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport, traced...)}

	ctx, workflow := kit.StartWorkflow(context.Background(), "report", sdk.WithPriority("high"))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/research", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := client.Do(request)
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		err = response.Body.Close()
	}
	workflow.End(err)
	server.Close()

	show(spans)
	// Output:
	// invoke_workflow report (internal)
	//   HTTP POST (client)
	//     POST /research (server)
	//       invoke_agent researcher (internal)
}

// A tool that asks a database: otelpgx makes the spans of pgx. Nothing listens at the
// address of this example, which the spans then say.
func Example_pgx() {
	tracers, spans := provider()
	kit := sdk.New(tracers, nil)
	config, err := pgx.ParseConfig("postgres://agent@127.0.0.1:1/documents?sslmode=disable")
	if err != nil {
		fmt.Println(err)
		return
	}
	config.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(tracers))

	ctx, tool := kit.StartTool(context.Background(), "documents", sdk.WithToolType("datastore"))
	_, err = pgx.ConnectConfig(ctx, config)
	tool.End(err)

	show(spans)
	fmt.Println(spans.GetSpans()[1].Status.Code, sdk.ErrorType(err))
	// Output:
	// execute_tool documents (internal)
	//   connect (client)
	// Error *pgconn.ConnectError
}

// An agent with a cache: redisotel makes the spans of go-redis.
func Example_redis() {
	tracers, spans := provider()
	kit := sdk.New(tracers, nil)
	client := redis.NewClient(&redis.Options{Addr: emptyCache(), Protocol: 2, DisableIdentity: true})
	if err := redisotel.InstrumentTracing(client, redisotel.WithTracerProvider(tracers), redisotel.WithDialFilter(true)); err != nil {
		fmt.Println(err)
		return
	}

	ctx, agent := kit.StartAgent(context.Background(), "researcher")
	err := client.Get(ctx, "answer").Err()
	fmt.Println(errors.Is(err, redis.Nil))
	agent.End(nil)
	_ = client.Close()

	for _, s := range spans.GetSpans() {
		if s.Name == "get" {
			fmt.Println(s.Name, s.SpanKind, s.Parent.SpanID() == agent.Span().SpanContext().SpanID())
		}
	}
	// Output:
	// true
	// get client true
}

// An agent that uses a tool over MCP: one span for the tool, one for the server.
func Example_mcp() {
	tracers, spans := provider()
	kit := sdk.New(tracers, nil)
	server := mcp.NewServer(&mcp.Implementation{Name: "tools", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "search"}, func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{}, nil, nil
	})
	mcptrace.InstrumentServer(server, mcptrace.WithTracerProvider(tracers))
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil)
	mcptrace.InstrumentClient(client, mcptrace.WithTracerProvider(tracers))
	near, far := mcp.NewInMemoryTransports()
	ctx := context.Background()
	if _, err := server.Connect(ctx, far, nil); err != nil {
		fmt.Println(err)
		return
	}
	session, err := client.Connect(ctx, near, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	spans.Reset() // the handshake

	ctx, tool := kit.StartTool(ctx, "search")
	_, err = session.CallTool(ctx, &mcp.CallToolParams{Name: "search"})
	tool.End(err)
	_ = session.Close()

	show(spans)
	// Output:
	// execute_tool search (internal)
	//   tools/call search (server)
}

// emptyCache serves as much of the protocol of Redis as the example needs.
func emptyCache() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		defer func() { _ = listener.Close() }()
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			switch strings.ToUpper(lines.Text()) {
			case "GET":
				_, _ = io.WriteString(conn, "$-1\r\n")
			case "HELLO", "CLIENT":
				_, _ = io.WriteString(conn, "-ERR unknown command\r\n")
			}
		}
	}()
	return listener.Addr().String()
}
