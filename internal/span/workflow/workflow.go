// Package workflow assembles the runs of agents from the spans that show them.
//
// Spans pass its caller at once and are never held here: the Assembler keeps a
// compact record of each, groups the spans that show one and the same call,
// reports every call, failure and workflow once, and finds the runs that loop,
// stall or run away. It knows spans by their span.Meaning only, takes the time
// from its caller, and starts no goroutine.
//
// # What is a workflow
//
// The spans of one trace, or of several that Settings.Join allows to join. Its
// root is the top-most span of type Workflow, else the top-most Agent. A trace
// that has neither has no workflow; its calls are counted nevertheless.
//
// # What is one call
//
//   - Tool: a Tool or MCP tools/call span is the same call as a Tool or tools/call
//     span above it (at most 16 of them are looked at) when both name the same tool
//     and no Workflow, Agent, Inference or A2A span lies between them: a model
//     that decided anew has made a new call. A tools/call may leave out the name,
//     or the prefix that agents put before it ("files_read" for "read"). The
//     outermost span gives name and duration; the call failed if any of its spans
//     failed.
//   - Inference: a model call with another one below it is a wrapper and not
//     counted, the innermost is; a Tool, MCP, A2A, Agent or Workflow span between
//     the two makes them separate calls. What the innermost does not tell (model, provider,
//     usage) is taken from the wrapper.
//   - MCP: a server span is the same operation as the nearest client span above it
//     of the same method, as are a client below a client and a server below a
//     server. A client below a server is an operation of its own. Duration is the
//     client's when there is one.
//   - A2A: a client span is a message sent, a server span a message received; a
//     client below a client, or a server below a server, of the same method is the
//     same message.
//   - HTTP, Database and Cache: every span.
//
// # What is exact
//
// Calls are exact for any order and any splitting of arrival as long as all spans
// of one call come within Settings.Settle of each other, and up to
// Settings.MaxSpans spans a workflow; later duplicates are recognised while the
// workflow is remembered (Settings.Remember after its end). A call whose agent or
// usage is not known while spans above it are missing is held back for them, up to
// 6 times Settle. Spans of a workflow that ended are counted as calls, marked late,
// and never make it a second workflow; past Remember they are compared with each
// other only.
//
// Past MaxSpans, HTTP, Database and Cache calls stay exact; Tool and Inference
// spans are counted each on its own, MCP spans as operations when they are a
// client's, A2A spans as messages, and none of them is merged with others; spans,
// tokens and failures of the Summary stay sums of what passed.
package workflow

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// Settings bounds and tunes an Assembler. DefaultSettings returns values that
// work; New panics on values that no validated configuration can hold.
type Settings struct {
	// MaxWorkflows is the number of traces that are remembered at once, those
	// without agents and those that ended lately included. When it is reached, a
	// trace without agents, else an ended one, else the one that is idle the longest
	// makes room; the latter is ended early with the reason EndEvicted. At least 1.
	MaxWorkflows int
	// MaxSpans is the number of spans that are remembered of one workflow, at least 1.
	MaxSpans int
	// Settle is how long after its latest span a call is counted, and how long after
	// its latest span a workflow ends whose root has come. Positive.
	Settle time.Duration
	// DetachedTimeout takes the place of Settle for a workflow whose root has come
	// while a span above the root has not: the root may be a part of something larger
	// that still runs, or its parent may never be sent here. At least Settle.
	DetachedTimeout time.Duration
	// IdleTimeout ends a workflow whose root has not come when no span came for so
	// long. At least DetachedTimeout.
	IdleTimeout time.Duration
	// MaxDuration ends a workflow so long after its first span came. At least
	// IdleTimeout.
	MaxDuration time.Duration
	// StallTimeout makes a workflow stalled whose root has not come when no span came
	// for so long; 0 turns that off.
	StallTimeout time.Duration
	// Remember is how long the records of an ended workflow are kept to recognise
	// late duplicates; 0 forgets at once.
	Remember time.Duration

	Loop    LoopSettings
	Runaway RunawaySettings
	Join    JoinSettings

	// Price tells what a call of a model costs, in US dollars, and how it knows; the
	// status is handed on in Call.PriceStatus. A price that is not known is told by a
	// negative amount. It is asked only where the emitter does not tell the cost;
	// nil asks nobody.
	Price func(provider, model string, tokens span.Tokens) (usd float64, status string)
}

// LoopSettings says what is a loop. Sequences are those of one agent span: equal
// calls of agents that work side by side are no loop. Calls whose arguments are
// not told are never compared by them.
type LoopSettings struct {
	// Repeats is how many calls in a row of one tool with the same arguments make a
	// loop. A call that repeats a failed one is a retry: so many of those are borne
	// in addition. 0 turns it off, else at least 2.
	Repeats int
	// MaxPeriod is the longest cycle that is looked for: a sequence of 2 to MaxPeriod
	// different calls, arguments included. 0 turns it off, at most 64.
	MaxPeriod int
	// Cycles is how often such a sequence must have been gone through without a gap,
	// at least 2 when MaxPeriod is set.
	Cycles int
	// Stuck is how many model calls in a row with the same model, input and output
	// tokens, and the same tools called in between (at least one), make a run without
	// progress. 0 turns it off, else at least 2.
	Stuck int
}

// RunawaySettings says what is too fast, too dear or too long. Each 0 turns its
// own detector off.
type RunawaySettings struct {
	// TokensPerMinute and CostPerMinute (US dollars) are reached when the calls that
	// ended within any 60 seconds, by the clock of their emitters, sum up to more.
	TokensPerMinute int64
	CostPerMinute   float64
	// ContextGrowth is the factor by which the input of the model calls of one agent
	// span grows, without ever shrinking, over ContextCalls calls or more; ContextMin
	// is how many input tokens the last of them has at least.
	ContextGrowth float64
	ContextCalls  int
	ContextMin    int64
	// ChainLength is exceeded by a workflow with more steps (tool, model and A2A calls).
	ChainLength int
}

// JoinSettings says what makes several traces one workflow.
type JoinSettings struct {
	Links         bool // a span link points from one to the other
	Tasks         bool // they name the same A2A task
	Conversations bool // they name the same conversation
}

// DefaultSettings returns the settings that the product ships with: 50,000
// workflows of 10,000 spans, calls counted after 5 s, everything joined by trace
// id alone.
func DefaultSettings() Settings {
	return Settings{
		MaxWorkflows:    50_000,
		MaxSpans:        10_000,
		Settle:          5 * time.Second,
		DetachedTimeout: 30 * time.Second,
		IdleTimeout:     30 * time.Minute,
		MaxDuration:     24 * time.Hour,
		StallTimeout:    5 * time.Minute,
		Remember:        2 * time.Minute,
		Loop:            LoopSettings{Repeats: 5, MaxPeriod: 8, Cycles: 4, Stuck: 6},
		Runaway: RunawaySettings{
			TokensPerMinute: 2_000_000, CostPerMinute: 10,
			ContextGrowth: 10, ContextCalls: 20, ContextMin: 50_000,
			ChainLength: 500,
		},
	}
}

// Sink receives what an Assembler finds out, called synchronously from Add and
// Tick. Arguments and what they point to are valid during the call only; strings
// may be kept. A Sink must not call the Assembler.
type Sink interface {
	Call(*Call)      // one call, counted now
	Failed(*Failure) // one failure, counted now
	Ended(*Summary)  // one workflow that ended
	Found(*Finding)  // a workflow that goes wrong
}

// Placement is what is known of a span when it passes.
type Placement struct {
	// Agentic says that an agentic span of its trace is known, this one included.
	Agentic bool
	// Root says that the span is the root of its workflow as far as known: Root of
	// the Assembler tells what to write onto it once the rest of its batch is added.
	Root bool
	// Late says that its workflow had ended before it came.
	Late bool
	// Duplicate says that a span of this id was added before; it was not counted
	// again.
	Duplicate bool
}

// Kind is what sort of call a Call is.
type Kind uint8

// The kinds of calls.
const (
	ToolCall    Kind = iota + 1 // one run of a tool, over whatever transport
	ModelCall                   // one call of a model
	MCPCall                     // one MCP request; for tools/call beside its ToolCall
	A2ASent                     // one A2A message sent
	A2AReceived                 // one A2A message received
	HTTPSent                    // one HTTP request sent
	HTTPServed                  // one HTTP request served
	DatabaseCall
	CacheCall
)

// Call is one call, whatever number of spans shows it. Fields that do not belong
// to its kind are zero.
type Call struct {
	Kind    Kind
	TraceID span.TraceID // of the span that stands for the call
	SpanID  span.ID

	Workflow string // type of the workflow as far as known, empty without one
	Agent    string // the nearest agent above, else what the span says; not for HTTP, Database, Cache

	// Start is nanoseconds since the Unix epoch by the emitter's clock, Duration is
	// never negative.
	Start    int64
	Duration time.Duration

	Failed    bool
	ErrorType string // set when Failed; not bounded
	Late      bool   // came after its workflow had ended

	// Retry says that the call repeats one of the same agent that failed: same tool
	// and arguments, or same model. Retries counts failed HTTP requests within a
	// model call that another one followed.
	Retry   bool
	Retries int

	Tool       string // ToolCall, MCPCall of tools/call
	Arguments  uint64 // hash, 0 if not told
	OverMCP    bool   // of a ToolCall: it went over MCP
	MCPMethod  string
	MCPServer  string
	ServerSide bool // of an MCPCall: only its receiver's view is known

	A2AMethod string
	A2AState  string
	Peer      string // A2A: the agent at the other end
	Priority  string // workflow.priority as far as known

	Operation    string // ModelCall: "chat", …
	Provider     string
	Model        string // the response's, else the request's
	RequestModel string
	Tokens       span.Tokens
	HasTokens    bool
	// Cost is in US dollars, negative if nobody knows. PriceStatus is "reported" when
	// the emitter told, else what Settings.Price said, empty without usage.
	Cost        float64
	PriceStatus string

	HTTPMethod, HTTPRoute          string
	HTTPStatus                     int
	DBSystem, DBOperation, DBTable string
	CacheResult                    string
}

// Open is the number of workflows that run now, by type and priority.
type Open struct {
	Type, Priority string // "unknown" and "" while not known
	Count          int
	Stalled        int
	Oldest         time.Duration // since the first span of the oldest came
}

// Stats counts what an Assembler has met since it was made, and what it holds.
type Stats struct {
	Spans      uint64 // added
	Duplicates uint64 // of these, ids that were there already
	Late       uint64 // of these, for workflows that had ended
	Dropped    uint64 // of these, past MaxSpans
	Workflows  uint64 // ended
	Evicted    uint64 // of these, for want of room
	Forgotten  uint64 // traces without agents that made room before they were settled
	Unjoined   uint64 // joins refused because a workflow had too many traces or keys

	Traces  int // remembered now
	Records int // spans remembered now
	Names   int // different strings remembered now
}
