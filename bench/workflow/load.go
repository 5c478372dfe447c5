package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// batchSize is the number of spans of a request: agentTraces of 20 spans and
// plainTraces of 6.
const (
	batchSize   = agentTraces*20 + plainTraces*6
	agentTraces = 26
	plainTraces = 80
)

// templates is the number of different requests that are sent in turn.
const templates = 20

// tally is how often each thing was sent, or counted: "tool x", "route POST /x
// 2xx", "table SELECT x".
type tally map[string]int

func (t tally) add(o tally, times int) {
	for k, n := range o {
		t[k] += n * times
	}
}

// load makes OTLP requests. Spans are encoded once; what is written into a request
// each time that it is sent are the ids of its traces.
type load struct {
	requests []request
	sent     int // requests
}

// request is an encoded one.
type request struct {
	body  []byte
	marks []mark
	holds tally
}

// mark is where the id of a trace stands. The roots of the traces of one request
// come with the next one.
type mark struct {
	at   int
	root bool
}

// magic begins the id of a trace until it is given another beginning.
var magic = [8]byte{0xfe, 0xed, 0xfa, 0xce, 0xca, 0xfe, 0xbe}

// next returns the next request, valid until templates more have been asked for.
func (l *load) next() []byte {
	r := &l.requests[l.sent%len(l.requests)]
	l.sent++
	for _, m := range r.marks {
		n := uint64(l.sent)
		if m.root {
			n--
		}
		// A multiple of an odd number: ids are as different as random ones.
		binary.BigEndian.PutUint64(r.body[m.at:], (n+1)*0x9e3779b97f4a7c15)
	}
	return r.body
}

// held is what all requests that were made held.
func (l *load) held() tally {
	sum := make(tally)
	for i := range l.requests {
		sum.add(l.requests[i].holds, (l.sent-i+len(l.requests)-1)/len(l.requests))
	}
	return sum
}

// newLoad makes a load of agents, tools, models, routes and tables. It is the same
// each time.
func newLoad() (*load, error) {
	random := rand.New(rand.NewPCG(4, 2))
	sketches := make([]*sketch, templates)
	for i := range sketches {
		sketches[i] = newSketch(random)
		sketches[i].fill()
	}
	l := &load{}
	for i, s := range sketches {
		r, err := s.request(sketches[(i+templates-1)%templates])
		if err != nil {
			return nil, err
		}
		l.requests = append(l.requests, r)
	}
	return l, nil
}

// newRoutes makes requests with every one of so many routes in it, so many times.
func newRoutes(routes, times int) (*load, error) {
	l := &load{}
	for n := 0; n < routes*times; {
		s := newSketch(rand.New(rand.NewPCG(1, 1)))
		for range batchSize {
			s.trace = uint64(n / 10)
			s.served("gateway", fmt.Sprintf("/v1/tenants/%06d/items", n%routes), 0)
			n++
		}
		r, err := s.request(&sketch{})
		if err != nil {
			return nil, err
		}
		l.requests = append(l.requests, r)
	}
	return l, nil
}

// newRuns makes a request of runs of agents without their roots, each of 20 spans.
func newRuns() (*load, error) {
	s := newSketch(rand.New(rand.NewPCG(1, 1)))
	for s.trace < batchSize/20 {
		s.agent()
		s.span("agents", "summarise", ptrace.SpanKindInternal, s.id, "code.function.name", "summarise")
		s.trace++
	}
	r, err := s.request(&sketch{})
	return &load{requests: []request{r}}, err
}

// sketch is a request that is being made.
type sketch struct {
	random *rand.Rand
	spans  map[string]ptrace.SpanSlice
	traces ptrace.Traces
	holds  tally
	// roots come with the next request, and rootHolds are what they are.
	roots     []ptrace.Span
	rootHolds tally
	trace     uint64
	id        uint64
	clock     time.Time
}

func newSketch(random *rand.Rand) *sketch {
	return &sketch{
		random: random, spans: make(map[string]ptrace.SpanSlice), traces: ptrace.NewTraces(),
		holds: make(tally), rootHolds: make(tally), clock: time.Now().Add(-time.Second),
	}
}

func (s *sketch) fill() {
	for range agentTraces {
		held := s.holds
		s.holds = s.rootHolds
		root := s.served("roots", fmt.Sprintf("/v1/agents/%d/runs", s.random.IntN(10)), 0)
		s.holds = held
		s.roots = append(s.roots, root)
		s.agentBelow(root.SpanID())
		s.trace++
	}
	for range plainTraces {
		s.plain()
		s.trace++
	}
	s.traces.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		service, _ := rs.Resource().Attributes().Get("service.name")
		return service.Str() == "roots"
	})
}

// request encodes what was made, with the roots of what came before.
func (s *sketch) request(before *sketch) (r request, err error) {
	const rootBit = 1 << 63 // marks their ids until they are found in what is encoded
	if len(before.roots) > 0 {
		to := s.traces.ResourceSpans().AppendEmpty()
		to.Resource().Attributes().PutStr("service.name", "gateway")
		scope := to.ScopeSpans().AppendEmpty()
		scope.Scope().SetName("instrumentation.gateway")
		for _, root := range before.roots {
			sp := scope.Spans().AppendEmpty()
			root.CopyTo(sp)
			id := sp.TraceID()
			id[8] |= rootBit >> 56
			sp.SetTraceID(id)
		}
	}
	if r.body, err = ptraceotlp.NewExportRequestFromTraces(s.traces).MarshalProto(); err != nil {
		return r, err
	}
	for at := 0; ; {
		i := bytes.Index(r.body[at:], magic[:])
		if i < 0 {
			break
		}
		at += i
		low := binary.BigEndian.Uint64(r.body[at+8:])
		r.marks = append(r.marks, mark{at, low&rootBit != 0})
		binary.BigEndian.PutUint64(r.body[at+8:], low&^rootBit)
		at += 16
	}
	if len(r.marks) != s.traces.SpanCount() {
		return r, fmt.Errorf("%d ids of traces in a request of %d spans", len(r.marks), s.traces.SpanCount())
	}
	r.holds = make(tally)
	r.holds.add(s.holds, 1)
	r.holds.add(before.rootHolds, 1)
	return r, nil
}

func (s *sketch) span(service, name string, kind ptrace.SpanKind, parent uint64, attributes ...any) ptrace.Span {
	spans, ok := s.spans[service]
	if !ok {
		rs := s.traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", service)
		ss := rs.ScopeSpans().AppendEmpty()
		ss.Scope().SetName("instrumentation." + service)
		spans = ss.Spans()
		s.spans[service] = spans
	}
	s.id++
	s.clock = s.clock.Add(100 * time.Microsecond)
	sp := spans.AppendEmpty()
	trace := pcommon.TraceID(append(magic[:], make([]byte, 8)...))
	binary.BigEndian.PutUint64(trace[8:], s.trace)
	sp.SetTraceID(trace)
	sp.SetSpanID(spanID(s.id))
	sp.SetParentSpanID(spanID(parent))
	sp.SetName(name)
	sp.SetKind(kind)
	sp.SetStartTimestamp(pcommon.NewTimestampFromTime(s.clock))
	sp.SetEndTimestamp(pcommon.NewTimestampFromTime(s.clock.Add(time.Duration(1+s.random.IntN(300)) * time.Millisecond)))
	for i := 0; i < len(attributes); i += 2 {
		if err := sp.Attributes().PutEmpty(attributes[i].(string)).FromRaw(attributes[i+1]); err != nil {
			panic(err) // of a type that is not in this file
		}
	}
	return sp
}

func spanID(n uint64) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

func number(id pcommon.SpanID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// served adds an HTTP request that is served; one of thirty fails.
func (s *sketch) served(service, route string, parent uint64) ptrace.Span {
	status := 200
	if s.random.IntN(30) == 0 {
		status = 500
	}
	s.holds[fmt.Sprintf("route POST %s %dxx", route, status/100)]++
	sp := s.span(service, "POST "+route, ptrace.SpanKindServer, parent,
		"http.request.method", "POST", "http.route", route, "http.response.status_code", status,
		"url.path", route, "url.scheme", "http", "server.address", "gateway.example", "server.port", 8080,
		"client.address", "192.0.2.7", "network.protocol.version", "1.1", "user_agent.original", "agents/1.0")
	if status >= 500 {
		sp.Status().SetCode(ptrace.StatusCodeError)
		sp.Attributes().PutStr("error.type", "500")
	}
	return sp
}

func (s *sketch) query(service string, parent uint64) {
	table := fmt.Sprintf("documents_%02d", s.random.IntN(20))
	s.holds["table SELECT "+table]++
	s.span(service, "SELECT "+table, ptrace.SpanKindClient, parent,
		"db.system.name", "postgresql", "db.operation.name", "SELECT", "db.collection.name", table,
		"db.namespace", "agents", "db.query.text", "SELECT id, body FROM "+table+" WHERE id = $1",
		"server.address", "db.example", "server.port", 5432, "network.peer.address", "192.0.2.9",
		"thread.id", 17, "thread.name", "worker-17")
}

// agent adds a run of an agent of which the span above does not come: 19 spans.
func (s *sketch) agent() { s.agentBelow(spanID(s.id + 1_000_000)) }

// agentBelow adds a run of an agent: 19 spans.
func (s *sketch) agentBelow(above pcommon.SpanID) {
	agent := fmt.Sprintf("planner-%d", s.random.IntN(10))
	model := []string{"gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-pro"}[s.random.IntN(4)]
	root := number(s.span("agents", "invoke_agent "+agent, ptrace.SpanKindInternal, number(above),
		"gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", agent, "gen_ai.agent.id", "a-1",
		"gen_ai.provider.name", "openai", "gen_ai.request.model", model, "gen_ai.conversation.id", "c-1",
		"workflow.type", "research", "deployment.ring", "blue", "thread.id", 3, "code.function.name", "plan").SpanID())
	for i := range 3 {
		chat := number(s.span("agents", "chat "+model, ptrace.SpanKindClient, root,
			"gen_ai.operation.name", "chat", "gen_ai.provider.name", "openai", "gen_ai.request.model", model,
			"gen_ai.response.model", model, "gen_ai.usage.input_tokens", 800+i, "gen_ai.usage.output_tokens", 90,
			"gen_ai.request.temperature", 0.2, "gen_ai.response.id", "r-1", "server.address", "api.example", "server.port", 443).SpanID())
		s.span("agents", "POST", ptrace.SpanKindClient, chat,
			"http.request.method", "POST", "http.response.status_code", 200, "url.full", "https://api.example/v1/chat",
			"server.address", "api.example", "server.port", 443, "network.protocol.version", "2",
			"thread.id", 3, "thread.name", "main", "code.function.name", "post", "http.request.resend_count", 0)
		tool := fmt.Sprintf("tool_%02d", s.random.IntN(40))
		s.holds["tool "+tool]++
		call := number(s.span("agents", "execute_tool "+tool, ptrace.SpanKindInternal, root,
			"gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", tool, "gen_ai.tool.call.id", fmt.Sprint("call-", s.id),
			"gen_ai.tool.type", "function", "gen_ai.agent.name", agent, "gen_ai.tool.description", "looks things up",
			"gen_ai.tool.call.arguments", fmt.Sprintf(`{"q":"question %d","limit":10}`, s.id), "thread.id", 3,
			"code.function.name", "run", "deployment.ring", "blue").SpanID())
		client := number(s.span("agents", "tools/call "+tool, ptrace.SpanKindClient, call,
			"mcp.method.name", "tools/call", "gen_ai.tool.name", tool, "mcp.session.id", "s-1", "mcp.protocol.version", "2025-06-18",
			"server.address", "tools.example", "server.port", 3001, "network.transport", "tcp", "jsonrpc.request.id", "7",
			"thread.id", 3, "code.function.name", "call").SpanID())
		server := number(s.span("tools", "tools/call "+tool, ptrace.SpanKindServer, client,
			"mcp.method.name", "tools/call", "gen_ai.tool.name", tool, "mcp.session.id", "s-1", "mcp.protocol.version", "2025-06-18",
			"client.address", "192.0.2.4", "network.transport", "tcp", "jsonrpc.request.id", "7",
			"thread.id", 9, "code.function.name", "serve", "deployment.ring", "blue").SpanID())
		s.query("tools", server)
	}
}

// plain adds a request without agents: 6 spans.
func (s *sketch) plain() {
	root := number(s.served("store", fmt.Sprintf("/v1/items/{id}/part/%02d", s.random.IntN(30)), 0).SpanID())
	for range 3 {
		s.query("store", root)
	}
	s.span("store", "GET", ptrace.SpanKindClient, root,
		"db.system.name", "redis", "db.operation.name", "GET", "db.namespace", "0", "db.query.text", "GET ?",
		"server.address", "redis.example", "server.port", 6379, "network.peer.address", "192.0.2.10",
		"network.peer.port", 6379, "thread.id", 17, "thread.name", "worker-17")
	s.span("store", "render", ptrace.SpanKindInternal, root,
		"code.function.name", "render", "code.file.path", "items.go", "code.line.number", 42, "thread.id", 3,
		"thread.name", "main", "app.tenant", "t-1", "app.items", 10, "app.cached", false, "app.shard", 3, "app.region", "eu")
}
