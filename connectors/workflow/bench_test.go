package workflow

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
)

// batchSpans is the number of spans of a request in benchmarks.
const batchSpans = 1000

// BenchmarkMetrics is what a span costs when only metrics are wanted.
func BenchmarkMetrics(b *testing.B) { benchmark(b, false) }

// BenchmarkMetricsAndTraces is what it costs when traces are annotated too.
func BenchmarkMetricsAndTraces(b *testing.B) { benchmark(b, true) }

func benchmark(b *testing.B, traces bool) {
	for _, c := range []struct {
		name   string
		agents int // of ten traces, those with agents
	}{{"agentic", 10}, {"http", 0}, {"mixed", 5}} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkBatches(b, newCrop(c.agents), traces)
		})
	}
}

// benchmarkBatches consumes one batch again and again, each time of other traces. What
// settles is counted meanwhile, so that the figures have all of it.
func benchmarkBatches(b *testing.B, c *crop, traces bool) {
	cfg := createDefaultConfig().(*Config)
	cfg.Settle, cfg.MetricsInterval = 20*time.Millisecond, minInterval
	cfg.MaxWorkflows = 5000
	f, set := NewFactory(), connectortest.NewNopSettings(metadata.Type)
	var outputs []connector.Traces
	o, err := f.CreateTracesToMetrics(b.Context(), set, cfg, consumertest.NewNop())
	require.NoError(b, err)
	outputs = append(outputs, o)
	if traces {
		o, err = f.CreateTracesToTraces(b.Context(), set, cfg, consumertest.NewNop())
		require.NoError(b, err)
		outputs = append(outputs, o)
	}
	for _, o := range outputs {
		require.NoError(b, o.Start(b.Context(), componenttest.NewNopHost()))
	}
	td := c.traces
	batch := func() {
		c.renumber(td)
		for _, o := range outputs {
			if err := o.ConsumeTraces(b.Context(), td); err != nil {
				b.Fatal(err)
			}
		}
	}
	for range 100 {
		c.renumber(td)
		batch()
	}
	b.ReportAllocs()
	spans := 0
	for b.Loop() {
		if traces { // its attributes are written to
			b.StopTimer()
			td = ptrace.NewTraces()
			c.traces.CopyTo(td)
			b.StartTimer()
		}
		batch()
		spans += td.SpanCount()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
	for _, o := range outputs {
		require.NoError(b, o.Shutdown(context.Background()))
	}
}

// crop is a batch of spans of whole traces from several services.
type crop struct {
	traces ptrace.Traces
	scopes map[string]ptrace.SpanSlice
	count  uint64 // of batches
	trace  uint64
	next   uint64
}

// newCrop makes a batch in which agents in ten traces are of agents, and the rest
// of a plain service.
func newCrop(agents int) *crop {
	c := &crop{traces: ptrace.NewTraces(), scopes: make(map[string]ptrace.SpanSlice)}
	for c.traces.SpanCount() < batchSpans {
		if int(c.trace%10) < agents {
			c.agentic()
		} else {
			c.plain()
		}
		c.trace++
	}
	return c
}

// renumber makes other traces of the batch.
func (c *crop) renumber(td ptrace.Traces) {
	c.count++
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				id := sp.TraceID()
				binary.BigEndian.PutUint64(id[:], c.count)
				sp.SetTraceID(id)
			}
		}
	}
}

// span adds a span of a service and returns its id.
func (c *crop) span(service, name string, kind ptrace.SpanKind, parent uint64, attributes ...any) uint64 {
	spans, ok := c.scopes[service]
	if !ok {
		rs := c.traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("instrumentation." + service)
		spans = ss.Spans()
		c.scopes[service] = spans
	}
	c.next++
	var trace pcommon.TraceID
	var id, above pcommon.SpanID
	binary.BigEndian.PutUint64(trace[8:], c.trace+1)
	binary.BigEndian.PutUint64(id[:], c.next)
	binary.BigEndian.PutUint64(above[:], parent)
	sp := spans.AppendEmpty()
	sp.SetTraceID(trace)
	sp.SetSpanID(id)
	sp.SetParentSpanID(above)
	sp.SetName(name)
	sp.SetKind(kind)
	start := time.Unix(1_800_000_000, int64(c.next)*int64(time.Millisecond))
	sp.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	sp.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(time.Duration(c.next%50+1) * time.Millisecond)))
	for i := 0; i < len(attributes); i += 2 {
		if err := sp.Attributes().PutEmpty(attributes[i].(string)).FromRaw(attributes[i+1]); err != nil {
			panic(err)
		}
	}
	return c.next
}

// request adds an HTTP request that is served.
func (c *crop) request(service, route string, parent uint64) uint64 {
	return c.span(service, "POST "+route, ptrace.SpanKindServer, parent,
		"http.request.method", "POST", "http.route", route, "http.response.status_code", 200,
		"url.path", route, "url.scheme", "http", "server.address", "gateway.example", "server.port", 8080,
		"client.address", "192.0.2.7", "network.protocol.version", "1.1", "user_agent.original", "agent/1.0")
}

// query adds a query of a database.
func (c *crop) query(service, table string, parent uint64) {
	c.span(service, "SELECT "+table, ptrace.SpanKindClient, parent,
		"db.system.name", "postgresql", "db.operation.name", "SELECT", "db.collection.name", table,
		"db.namespace", "agents", "db.query.text", "SELECT id, body FROM "+table+" WHERE id = $1",
		"server.address", "db.example", "server.port", 5432, "network.peer.address", "192.0.2.9",
		"thread.id", 17, "thread.name", "worker-17")
}

// agentic adds a run of an agent: 20 spans, children first.
func (c *crop) agentic() {
	agent := fmt.Sprint("planner-", c.trace%5)
	root := c.span("agents", "invoke_agent "+agent, ptrace.SpanKindInternal, 0,
		"gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", agent, "gen_ai.agent.id", "a-1",
		"gen_ai.provider.name", "openai", "gen_ai.request.model", "gpt-4o-mini", "gen_ai.conversation.id", "c-1",
		"workflow.type", "research", "deployment.ring", "blue", "thread.id", 3, "code.function.name", "plan")
	for i := range 4 {
		chat := c.span("agents", "chat gpt-4o-mini", ptrace.SpanKindClient, root,
			"gen_ai.operation.name", "chat", "gen_ai.provider.name", "openai", "gen_ai.request.model", "gpt-4o-mini",
			"gen_ai.response.model", "gpt-4o-mini", "gen_ai.usage.input_tokens", 800+i, "gen_ai.usage.output_tokens", 90,
			"gen_ai.request.temperature", 0.2, "gen_ai.response.id", "r-1", "server.address", "api.example", "server.port", 443)
		c.span("agents", "POST", ptrace.SpanKindClient, chat,
			"http.request.method", "POST", "http.response.status_code", 200, "url.full", "https://api.example/v1/chat",
			"server.address", "api.example", "server.port", 443, "network.protocol.version", "2",
			"thread.id", 3, "thread.name", "main", "code.function.name", "post", "net.reused", true)
		tool := fmt.Sprint("tool-", i)
		call := c.span("agents", "execute_tool "+tool, ptrace.SpanKindInternal, root,
			"gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", tool, "gen_ai.tool.call.id", fmt.Sprint("call-", c.next),
			"gen_ai.tool.type", "function", "gen_ai.agent.name", agent, "gen_ai.tool.description", "looks things up",
			"gen_ai.tool.call.arguments", fmt.Sprintf(`{"q":"question %d","limit":10}`, c.next), "thread.id", 3, "code.function.name", "run",
			"deployment.ring", "blue")
		client := c.span("agents", "tools/call "+tool, ptrace.SpanKindClient, call,
			"mcp.method.name", "tools/call", "gen_ai.tool.name", tool, "mcp.session.id", "s-1", "mcp.protocol.version", "2025-06-18",
			"server.address", "tools.example", "server.port", 3001, "network.transport", "tcp", "jsonrpc.request.id", "7",
			"thread.id", 3, "code.function.name", "call")
		if i < 3 {
			c.query("tools", fmt.Sprint("documents_", i), client)
		}
	}
}

// plain adds a request without agents: 10 spans.
func (c *crop) plain() {
	root := c.request("gateway", fmt.Sprintf("/v1/items/{id}/%d", c.trace%20), 0)
	for i := range 3 {
		c.query("store", fmt.Sprint("items_", i), root)
		c.span("gateway", "load", ptrace.SpanKindInternal, root,
			"code.function.name", "load", "code.file.path", "items.go", "code.line.number", 42, "thread.id", 3,
			"thread.name", "main", "app.tenant", "t-1", "app.items", 10, "app.cached", false, "app.shard", 3, "app.region", "eu")
		c.request("store", fmt.Sprintf("/internal/items/{id}/%d", i), root)
	}
}
