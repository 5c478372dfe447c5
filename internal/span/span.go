// Package span understands the spans that agent frameworks emit.
//
// Spans come in dialects: the OpenTelemetry GenAI and MCP conventions in several
// versions, and what frameworks and instrumentations made before or beside them.
// Each dialect is a table in a file of its own, dialect_*.go; Classify asks them in
// turn and says what a span means in one vocabulary.
//
// The package takes a small struct rather than pdata, so that it can be tested with
// nothing but a table, and leaves to its callers where the spans come from and what
// is counted.
//
// # Counting each call once
//
// Instrumentations wrap each other, and so one call shows as several spans. Who
// counts applies these rules within a trace:
//
//   - An Inference span is not counted if another one is below it with no Tool, MCP,
//     A2A, Agent or Workflow span between the two: the innermost counts. If the innermost
//     does not tell its usage (HasTokens), the nearest one above it that does tells it.
//     Wrapper marks those that are known to repeat what is below.
//   - A Tool span with a Tool ancestor of the same name is not counted, unless an Agent
//     or Inference span lies between the two: then it is a run of its own.
//   - The MCP client and server spans of a tools/call below a Tool of the same name are
//     the same call; without such a Tool they are a call of their own.
//   - Tokens of Agent and Workflow spans are sums of what is below and are not even
//     told by Meaning.
package span

// TraceID is that of OTLP; all zero means none.
type TraceID [16]byte

// ID is that of a span, as in OTLP; all zero means none.
type ID [8]byte

// Kind is the role that a span has in its remote exchange.
type Kind uint8

// The kinds of OTLP, with their numbers.
const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// Status is what the emitter said of the outcome. Unset and OK mean the same
// here: the conventions leave success unset, several frameworks do not.
type Status uint8

// The codes of OTLP, with their numbers.
const (
	StatusUnset Status = iota
	StatusOK
	StatusError
)

// Link points at a span of this or another trace.
type Link struct {
	TraceID TraceID
	SpanID  ID
}

// Span is what is looked at of one span. It is filled by the caller, its
// attributes by Set and SetEvent, and may be used again after Reset; nothing in it
// is kept by this package. Strings may share the memory of what they were read from.
// It is some kilobytes large: pass it by pointer. It is not safe for concurrent use.
type Span struct {
	TraceID  TraceID
	ID       ID
	ParentID ID // zero for a root
	Links    []Link

	Service string // service.name of the resource, may be empty
	Scope   string // name of the instrumentation scope
	Name    string
	Kind    Kind
	Status  Status

	// Start and End are nanoseconds since the Unix epoch by the emitter's clock; End
	// may lie before Start.
	Start, End int64

	// Exception is exception.type of the last exception event, empty if there is
	// none. SetEvent sets it.
	Exception string

	attributes
}

// Type says what a span stands for.
type Type uint8

// The types of spans. Only one is given to a span; what a tool call over MCP is
// besides can be read from Meaning.MCPMethod.
const (
	Other      Type = iota // nothing that agents do: a function, a queue, …
	Noise                  // an agent framework's plumbing or anonymous usage telemetry: count nothing
	Workflow               // a run of a workflow, crew, graph or runner as a whole
	Agent                  // one agent at work
	Task                   // a step of an agent or workflow that is neither a tool nor a model call
	Inference              // one call of a model, embeddings included
	Tool                   // one run of a tool as the agent sees it
	MCPClient              // an MCP request as its sender sees it, tools/call included
	MCPServer              // an MCP request as its receiver sees it
	A2AClient              // an A2A request as its sender sees it
	A2AServer              // an A2A request as its receiver sees it
	HTTPClient             // an HTTP request that is none of the above, sent
	HTTPServer             // an HTTP request that is none of the above, served
	Database               // a database operation
	Cache                  // a cache operation
)

// Tokens are those of one model call. Input includes CacheRead and CacheWrite,
// Output includes Reasoning, as the GenAI conventions count; emitters that count
// otherwise are corrected where their dialect is known.
type Tokens struct {
	Input, Output, CacheRead, CacheWrite, Reasoning int64
}

// Add adds t2 to t.
func (t *Tokens) Add(t2 Tokens) {
	t.Input += t2.Input
	t.Output += t2.Output
	t.CacheRead += t2.CacheRead
	t.CacheWrite += t2.CacheWrite
	t.Reasoning += t2.Reasoning
}

// Meaning is what a span says in whatever dialect, in normal terms. Strings are
// empty where the span does not tell.
type Meaning struct {
	Type Type
	// Dialect is the name of the table that recognised the span, such as "otel",
	// "openinference" or "vercel"; empty for Other.
	Dialect string

	// Wrapper is set on an Inference that is known to repeat the usage of the Inference
	// spans below it, if there are any: it counts only where there are none.
	Wrapper bool

	Failed bool
	// ErrorType is set when Failed: error.type, else the last exception's type, else
	// the status code of HTTP, else "_OTHER". An error.type with a blank in it is a
	// message and is passed over. Its values are not bounded.
	ErrorType string

	// Of workflows and agents, and of their parts where they repeat it.
	Workflow     string // name of the workflow
	WorkflowID   string // the emitter's id of this run
	WorkflowType string // workflow.type: what sort of workflow it is, where that is not its name
	Agent        string // name of the agent
	AgentID      string // agent.id, else gen_ai.agent.id; often new for each run, so not bounded
	Conversation string // conversation, session or thread id
	Priority     string // workflow.priority
	Complexity   string // workflow.complexity_tier

	// Of model calls.
	Operation     string // gen_ai.operation.name in its conventional form, such as "chat"
	Provider      string // gen_ai.provider.name in its conventional form, such as "openai"
	RequestModel  string
	ResponseModel string
	Tokens        Tokens
	HasTokens     bool // the span tells its usage, be it zero
	// Cost is what the emitter says the call has cost, in US dollars; negative if it
	// does not say.
	Cost float64

	// Of tool calls.
	Tool       string
	ToolCallID string
	// Arguments is a hash of the arguments, 0 if they are not told. Equal arguments
	// in another order of keys or white space have the same hash.
	Arguments uint64

	// Of MCP, on tool calls over MCP too.
	MCPMethod  string // such as "tools/call"
	MCPServer  string // name of the server: what it calls itself, else its address
	MCPSession string

	// Of A2A.
	A2AMethod string // in the form of protocol 1.0, such as "SendMessage"
	A2ATask   string
	A2AState  string // lower case without prefix, such as "completed"
	A2APeer   string // name of the agent at the other end, else its address

	// Of HTTP, also where the type is MCP or A2A and HTTP carries it.
	HTTPMethod string // GET, POST, …, _OTHER
	HTTPRoute  string // http.route or url.template; never a path with ids
	HTTPStatus int    // 0 if there was no answer

	// Of databases and caches.
	DBSystem    string // such as "postgresql"
	DBOperation string // such as "SELECT"
	DBTable     string // db.collection.name
	CacheResult string // "hit", "miss" or empty

	// Peer is the address or name of the other end of a client span, for a
	// dependency graph; empty if it is not told.
	Peer string
}
