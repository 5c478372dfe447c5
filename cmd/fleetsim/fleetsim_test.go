package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) {
	// The fleet starts this very program as the process that leaks.
	if len(os.Args) > 1 && os.Args[1] == leakArgument {
		leak(os.Stdin)
		return
	}
	goleak.VerifyTestMain(m)
}

// span is what the tests look at of a span.
type span struct {
	service, name, id, parent, trace string
	kind                             ptrace.SpanKind
	failed                           bool
	attributes                       map[string]any
}

// sink keeps what it gets over OTLP.
type sink struct {
	ptraceotlp.UnimplementedGRPCServer
	endpoint string

	mu      sync.Mutex
	spans   []span
	metrics map[string]int
}

// Export takes spans.
func (s *sink) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range r.Traces().ResourceSpans().All() {
		service, _ := resource.Resource().Attributes().Get("service.name")
		for _, scope := range resource.ScopeSpans().All() {
			for _, sp := range scope.Spans().All() {
				s.spans = append(s.spans, span{
					service: service.Str(), name: sp.Name(), id: sp.SpanID().String(), parent: sp.ParentSpanID().String(),
					trace: sp.TraceID().String(), kind: sp.Kind(), failed: sp.Status().Code() == ptrace.StatusCodeError,
					attributes: sp.Attributes().AsRaw(),
				})
			}
		}
	}
	return ptraceotlp.NewExportResponse(), nil
}

type metricSink struct {
	pmetricotlp.UnimplementedGRPCServer
	sink *sink
}

// Export takes metrics.
func (s *metricSink) Export(_ context.Context, r pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, resource := range r.Metrics().ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, m := range scope.Metrics().All() {
				s.sink.metrics[m.Name()]++
			}
		}
	}
	return pmetricotlp.NewExportResponse(), nil
}

func startSink(t *testing.T) *sink {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sink{endpoint: listener.Addr().String(), metrics: make(map[string]int)}
	server := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(server, s)
	pmetricotlp.RegisterGRPCServer(server, &metricSink{sink: s})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-ended)
	})
	return s
}

// simulate runs a fleet to its end and returns the truth.
func simulate(t *testing.T, ctx context.Context, arguments ...string) report {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := run(ctx, append([]string{"--latency", "1ms"}, arguments...), &stdout, &stderr)
	require.NoError(t, err, "%s", stderr.String())
	var r report
	decoder := json.NewDecoder(&stdout)
	require.NoError(t, decoder.Decode(&r))
	require.False(t, decoder.More(), "one line")
	return r
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// seen counts spans in the way that the truth counts what was done.
func seen(spans []span) report {
	t := newTruth()
	outcome := func(c counts, key string, s span) {
		kind := "success"
		if s.failed {
			kind = "failed"
		}
		t.add(c, key, kind, 1)
	}
	for _, s := range spans {
		a := s.attributes
		switch text(a["gen_ai.operation.name"]) {
		case "invoke_workflow":
			outcome(t.workflows, text(a["gen_ai.workflow.name"]), s)
		case "execute_tool":
			if s.kind == ptrace.SpanKindInternal {
				outcome(t.toolCalls, text(a["gen_ai.tool.name"]), s)
				if text(a["mcp.method.name"]) == "tools/call" {
					outcome(t.mcpCalls, text(a["gen_ai.tool.name"]), s)
				}
			}
		case "chat":
			model := text(a["gen_ai.request.model"])
			outcome(t.modelCalls, model, s)
			for kind, key := range map[string]string{
				"input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read.input_tokens", "reasoning": "reasoning.output_tokens",
			} {
				if n, ok := a["gen_ai.usage."+key].(int64); ok && n > 0 {
					t.add(t.tokens, model, kind, n)
				}
			}
		}
		if method := text(a["a2a.method.name"]); method != "" {
			t.add(t.a2aMessages, method, map[ptrace.SpanKind]string{ptrace.SpanKindClient: "sent", ptrace.SpanKindServer: "received"}[s.kind], 1)
		}
		if method := text(a["http.request.method"]); method != "" {
			status, _ := a["http.response.status_code"].(int64)
			if s.kind == ptrace.SpanKindServer {
				t.add(t.httpServer, method+" "+text(a["http.route"]), statusClass(int(status)), 1)
			} else {
				t.add(t.httpClient, method, statusClass(int(status)), 1)
			}
		}
		operation := text(a["db.operation.name"])
		switch text(a["db.system.name"]) {
		case "postgresql":
			t.add(t.database, operation, text(a["db.collection.name"]), 1)
		case "redis":
			result := "ok"
			if hit, ok := a["cache.hit"].(bool); ok {
				result = map[bool]string{true: "hit", false: "miss"}[hit]
			}
			t.add(t.cache, operation, result, 1)
		}
	}
	return t.report()
}

func TestTheTruthIsWhatTheSpansSay(t *testing.T) {
	database, cache := peers.Postgres(t), peers.Redis(t)
	s := startSink(t)
	truth := simulate(t, t.Context(), "--otlp", s.endpoint, "--workflows", "60", "--rate", "0", "--workers", "8",
		"--postgres", "postgres://"+peers.PostgresUser+":correct%20horse@"+database.Endpoint+"/postgres?sslmode=disable",
		"--redis", cache.Endpoint, "--failures", "0.1")

	require.Equal(t, seen(s.spans), truth)
	// The mix has something of everything.
	total := int64(0)
	for _, kind := range kinds {
		require.NotZero(t, truth.Workflows[kind]["success"])
		total += truth.Workflows[kind]["success"] + truth.Workflows[kind]["failed"]
	}
	require.Equal(t, int64(60), total)
	require.NotZero(t, truth.ToolCalls["publish"]["failed"])
	require.NotZero(t, truth.ToolCalls["count_words"]["success"])
	require.NotZero(t, truth.MCPCalls["search"]["failed"], "flaky")
	require.NotZero(t, truth.A2AMessages["SendMessage"]["received"])
	require.NotZero(t, truth.Cache["GET"]["hit"])
	require.NotZero(t, truth.Database["INSERT"]["fleet_documents"])
	require.NotZero(t, truth.HTTPClient["POST"]["4xx"], "busy models")
	require.NotZero(t, truth.Tokens["o3-mini"]["reasoning"])

	for _, name := range []string{"agent.workflow.queue_depth", "mcp.connection_pool.active", "mcp.connection_pool.idle", "http.requests.in_flight"} {
		require.NotZero(t, s.metrics[name], name)
	}
}

func TestAWorkflowIsOneTrace(t *testing.T) {
	s := startSink(t)
	simulate(t, t.Context(), "--otlp", s.endpoint, "--workflows", "10", "--rate", "0")
	byID := make(map[string]span)
	for _, sp := range s.spans {
		byID[sp.id] = sp
	}
	services := make(map[string]bool)
	for _, sp := range s.spans {
		services[sp.service] = true
		root := sp
		for root.parent != "" && root.parent != (pcommon.SpanID{}).String() {
			parent, ok := byID[root.parent]
			require.True(t, ok, "%s of %s has a parent that nobody sent", root.name, root.service)
			require.Equal(t, root.trace, parent.trace)
			root = parent
		}
		// Sessions are opened where they are first needed, and closed with no one.
		require.True(t, strings.HasPrefix(root.name, "invoke_workflow "), "%s is in no workflow", root.name)
	}
	require.Len(t, services, 4)
}

func TestTheSeedDecides(t *testing.T) {
	s := startSink(t)
	of := func(arguments ...string) report {
		return simulate(t, t.Context(), append([]string{"--otlp", s.endpoint, "--workflows", "15", "--rate", "0"}, arguments...)...)
	}
	first := of("--seed", "7", "--workers", "1")
	require.Equal(t, first, of("--seed", "7", "--workers", "6"))
	require.NotEqual(t, first, of("--seed", "8"))
}

func TestTelemetryGoesOverHTTPToo(t *testing.T) {
	var mu sync.Mutex
	paths := make(map[string]int)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths[r.URL.Path]++
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	simulate(t, t.Context(), "--otlp", "http://"+listener.Addr().String(), "--workflows", "2", "--rate", "0")
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-ended, http.ErrServerClosed)
	require.NotZero(t, paths["/v1/traces"])
	require.NotZero(t, paths["/v1/metrics"])
}

func TestFaultsShow(t *testing.T) {
	s := startSink(t)
	looping := simulate(t, t.Context(), "--otlp", s.endpoint, "--workflows", "12", "--rate", "0", "--faults", "loop", "--failures", "0")
	require.Equal(t, seen(s.spans), looping)
	require.Zero(t, looping.Workflows[researchReport]["success"]+looping.Workflows[dataRefresh]["success"])
	require.NotZero(t, looping.Workflows[supportTicket]["success"])
	researched := looping.Workflows[researchReport]["failed"] + looping.Workflows[dataRefresh]["failed"]
	require.Equal(t, researched*loopLength, looping.MCPCalls["search"]["success"])

	broken := simulate(t, t.Context(), "--otlp", s.endpoint, "--workflows", "12", "--rate", "0", "--faults", "tool_failure", "--failures", "0")
	require.Zero(t, broken.MCPCalls["search"]["success"])
	require.NotZero(t, broken.MCPCalls["search"]["failed"])
}

func TestASignalEndsStalledWorkflowsAndTellsTheTruth(t *testing.T) {
	s := startSink(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	truth := simulate(t, ctx, "--otlp", s.endpoint, "--rate", "0", "--faults", "stall", "--grace", "500ms", "--workers", "3")
	require.NotZero(t, truth.Workflows[researchReport]["failed"]+truth.Workflows[dataRefresh]["failed"])
	require.Equal(t, seen(s.spans).Workflows, truth.Workflows)
}

func TestTheControlPageSwitchesFaults(t *testing.T) {
	f, err := newFaults("slow_dependency, leak")
	require.NoError(t, err)
	defer f.close()
	pid := f.leaker.Process.Pid
	ask := func(method, target string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
		require.NoError(t, err)
		w := &recorder{header: make(http.Header), code: http.StatusOK}
		f.ServeHTTP(w, r)
		return w.code, w.body.String()
	}
	code, body := ask(http.MethodGet, "/")
	require.Equal(t, http.StatusOK, code)
	require.JSONEq(t, `{"loop":false,"stall":false,"tool_failure":false,"slow_dependency":true,"leak":true}`, body)
	code, body = ask(http.MethodPost, "/faults/leak?on=false")
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, body, `"leak":false`)
	require.NoDirExists(t, "/proc/"+jsonNumber(pid))
	for target, want := range map[string]int{
		"/faults/leak?on=maybe": http.StatusBadRequest, "/faults/fire?on=true": http.StatusNotFound, "/other": http.StatusNotFound,
	} {
		code, _ = ask(http.MethodPost, target)
		require.Equal(t, want, code, target)
	}
	code, _ = ask(http.MethodGet, "/faults/leak?on=true")
	require.Equal(t, http.StatusNotFound, code)
}

type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func jsonNumber(n int) string {
	text, _ := json.Marshal(n)
	return string(text)
}

func TestWrongFlagsAreTold(t *testing.T) {
	s := startSink(t)
	for arguments, want := range map[string]string{
		"--rate -1":                    `--rate -1: must be 0 or more`,
		"--rate NaN":                   `--rate NaN: must be 0 or more`,
		"--workers 0":                  `--workers 0: must be 1 to 1000`,
		"--failures 2":                 `--failures 2: must be 0 to 1`,
		"--workflows -1":               `--workflows -1: must be 0 or more`,
		"extra":                        `unexpected argument "extra"`,
		"--faults fire":                `starting the fleet: --faults: no fault "fire": there are loop, stall, tool_failure, slow_dependency, leak`,
		"--control 127.0.0.1:99999":    `--control "127.0.0.1:99999"`,
		"--postgres nonsense://":       `--postgres: `,
		"--redis 127.0.0.1:1":          `--redis "127.0.0.1:1"`,
		"--mcp http://127.0.0.1:1/mcp": `connecting to MCP server "http://127.0.0.1:1/mcp"`,
	} {
		err := run(t.Context(), append([]string{"--otlp", s.endpoint}, strings.Fields(arguments)...), &bytes.Buffer{}, &bytes.Buffer{})
		require.ErrorContains(t, err, want)
	}
}
