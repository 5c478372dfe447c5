package check

import (
	"context"
	"time"
)

// A Probe asks one target once. Implementations are small packages below this
// one; each takes ready-made standard things (a dialer, an http.Client, a TLS
// configuration) and knows nothing of how they were configured.
type Probe interface {
	// Run asks the target and says what it found. It should return soon after ctx
	// is done, but the engine does not rely on it. Run is never called again
	// before an earlier call has returned.
	//
	// What is wrong with the target belongs in the Result, with a nil error. A
	// non-nil error means that the probe itself could not work, and makes the
	// verdict Unknown; the Result's steps and measurements still count.
	Run(ctx context.Context) (Result, error)
}

// A Closer is a Probe that keeps something between runs, such as a connection.
// The engine closes it once, after the last run has returned.
type Closer interface {
	Close() error
}

// Stateful is a Probe that knows something worth keeping across restarts, such as
// what it accepted as the normal answer of its target. Neither method is called
// while Run is under way.
type Stateful interface {
	// State returns what to keep, without a secret, or nil for nothing. It is asked
	// for after every run, so it should be cheap when nothing has changed.
	State() ([]byte, error)
	// Restore takes what State returned in an earlier life, before the first run.
	// After an error the probe works as if there were nothing to restore.
	Restore(state []byte) error
}

// Result is what one run of a probe found.
type Result struct {
	State State
	// Reason says in one line why the state is what it is, for a person at night:
	// "connecting to db:5432: connection refused". It is empty for Healthy and
	// never holds a credential.
	Reason string
	// ErrorType classifies the reason; it is None if and only if the state is
	// Healthy.
	ErrorType ErrorType
	// Condition names, in one word from a closed list of the probe's, what ails the
	// target, where that takes more than an ErrorType, such as "wedged". It is empty
	// for Healthy.
	Condition string
	// Steps are the parts of the run that were reached, in order.
	Steps []Step
	// Measurements are what the target said of itself.
	Measurements []Measurement
	// Notices are what is worth an event without being a verdict.
	Notices []Notice
}

// Step is one part of a run, such as "connect" or "query".
type Step struct {
	Name     string
	Duration time.Duration
}

// Measurement is one number that a target reported, named like the metric that
// will carry it. Attributes come from a small fixed set of each probe: a
// measurement never carries text that the target chose.
type Measurement struct {
	Name       string
	Value      float64
	Attributes map[string]string
}

// Notice is something that a probe saw and that somebody should be told of,
// whatever the verdict: the tools of a server are not those of yesterday.
type Notice struct {
	// Kind comes from a closed list; see [ContractChanged].
	Kind string
	// Summary says what happened in one line, for a person.
	Summary string
	// Attributes come from a fixed set for each Kind. Their values are bounded and
	// hold no credential.
	Attributes map[string]string
}

// ContractChanged is the Kind of the Notice that an MCP server offers other tools
// than those that were accepted before. Its attributes are "added", "removed",
// "breaking", "description" and "schema", short lists of names of tools, absent when
// empty, and "contract", the digest of all tools as they are now.
const ContractChanged = "mcp.contract_changed"
