package workflow

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// Component is the part of a system in which something failed.
type Component string

// The components, a closed list.
const (
	ComponentAgent     Component = "agent" // agents and workflows themselves
	ComponentTool      Component = "tool"
	ComponentInference Component = "inference"
	ComponentMCP       Component = "mcp"
	ComponentA2A       Component = "a2a"
	ComponentHTTP      Component = "http"
	ComponentDatabase  Component = "database"
	ComponentCache     Component = "cache"
	ComponentOther     Component = "other" // a failed span of no such part
)

// Recoverable says whether something went on after a failure.
type Recoverable string

// The values of Recoverable.
const (
	RecoverableYes     Recoverable = "true"    // a span above it succeeded, or the call was repeated with success
	RecoverableNo      Recoverable = "false"   // everything above it failed, or the workflow ended so
	RecoverableUnknown Recoverable = "unknown" // the spans above it had not come when it was reported
)

// Failure is one failure, at the innermost span that shows it: a failed span
// without a failed span below it. It is reported as soon as Recoverable is known,
// at the latest 6 times Settings.Settle after it came or when its workflow ends.
type Failure struct {
	TraceID     span.TraceID
	SpanID      span.ID
	Component   Component
	ErrorType   string // not bounded
	Recoverable Recoverable
	// Severity is "warning" for what was recovered, "critical" for what was not,
	// "error" where that is not known.
	Severity string
	Workflow string
	Agent    string
	Start    int64 // nanoseconds since the Unix epoch
}

// Outcome is how a workflow ended. A root that succeeded is no proof, since
// several frameworks never fail it: the workflow failed if its root failed, or if
// of its agents, tasks and calls the one that ended last failed (spans that
// enclose it aside), so that nothing after it succeeded.
type Outcome string

// The outcomes.
const (
	Success   Outcome = "success"
	Failed    Outcome = "failed"
	Cancelled Outcome = "cancelled" // failed with an error type that says so
	Timeout   Outcome = "timeout"   // failed with an error type that says so, or MaxDuration was over
	Abandoned Outcome = "abandoned" // its root never came and it fell silent
	Unknown   Outcome = "unknown"   // forgotten for want of room before its root came
)

// EndReason is why a workflow was taken for ended.
type EndReason string

// The reasons.
const (
	EndComplete EndReason = "complete" // its root came, and Settle passed without a span
	EndDetached EndReason = "detached" // its root came, nothing above it, and DetachedTimeout passed
	EndIdle     EndReason = "idle"     // IdleTimeout
	EndAge      EndReason = "age"      // MaxDuration
	EndEvicted  EndReason = "evicted"  // MaxWorkflows
	EndShutdown EndReason = "shutdown" // Close
)

// Tier is the complexity of a workflow: what its emitter says, else simple (at
// most 5 steps and 1 agent), complex (more than 20 steps, 10 tool calls or 3
// agents), moderate in between.
const (
	TierSimple   = "simple"
	TierModerate = "moderate"
	TierComplex  = "complex"
)

// Summary is a workflow as a whole: ended, or as far as known.
type Summary struct {
	TraceID span.TraceID // the root's, else that of the first span
	Root    span.ID      // zero while the root has not come
	Traces  int          // joined, 1 without joining

	Type         string // workflow.type, else name of the workflow, else of its agent, else "unknown"; not bounded
	Agent        string // name of the root's agent, else of the first top-most one
	AgentID      string // of the same, empty if not told; not bounded
	WorkflowID   string
	Conversation string
	Priority     string // empty if not told
	Tier         string // see TierSimple
	Outcome      Outcome
	Reason       EndReason // empty while open
	ErrorType    string    // of the root, else of the failure that decided; empty on success

	// Start is nanoseconds since the Unix epoch, by the clock of the root, else of
	// the earliest span. Duration is the root's, else from the earliest start to the
	// latest end.
	Start    int64
	Duration time.Duration

	Spans      int // all that came, agentic or not
	Dropped    int // of these, past MaxSpans
	Agents     int // different names
	Steps      int // ToolCalls + ModelCalls + A2A messages sent
	ToolCalls  int
	ModelCalls int
	MCPCalls   int
	Retries    int
	Failures   int // innermost ones
	Tokens     span.Tokens
	Cost       float64 // US dollars, of the calls whose cost is known

	// Path is the critical path from the root down in order of time: the spans
	// without which it would have been shorter, each with the time in which none of
	// its children was on the path. At most 64, the longest.
	Path     []PathSpan
	Findings []FindingKind
}

// PathSpan is a span on a critical path.
type PathSpan struct {
	SpanID span.ID
	Type   span.Type
	Name   string // of the tool, model, agent or workflow; empty for others
	Self   time.Duration
}

// FindingKind is what goes wrong in a workflow, and by which detector. The first
// word is the event: loop, stalled, runaway.
type FindingKind string

// The detectors.
const (
	LoopRepeat     FindingKind = "loop.repeat"     // one tool, same arguments
	LoopCycle      FindingKind = "loop.cycle"      // several tools in a circle
	LoopStuck      FindingKind = "loop.stuck"      // model calls and tools without change
	Stalled        FindingKind = "stalled"         // no span for StallTimeout
	RunawayTokens  FindingKind = "runaway.tokens"  // tokens a minute
	RunawayCost    FindingKind = "runaway.cost"    // US dollars a minute
	RunawayContext FindingKind = "runaway.context" // input grows and grows
	RunawayChain   FindingKind = "runaway.chain"   // steps
)

// Finding is one thing that goes wrong in one workflow, reported once for each
// kind. No content is in it, of arguments only hashes.
type Finding struct {
	Kind     FindingKind
	TraceID  span.TraceID
	SpanID   span.ID // the last span of the evidence, zero for Stalled
	Workflow string
	Agent    string
	Priority string
	// Evidence: the tools (of a cycle: one period) and hashes of their arguments, how
	// often, the period in calls, and for runaway and stalled the measured value and
	// its limit (tokens, dollars, factor, steps, seconds).
	Tools        []string
	Arguments    []uint64
	Count        int
	Period       int
	Value, Limit float64
}
