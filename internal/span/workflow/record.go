package workflow

import (
	"math"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// none stands for the index of a record or detail that is not there.
const none = int32(-1)

// What is known of a record.
type flags uint8

const (
	failed    flags = 1 << iota
	toolTold        // its tool call was reported
	mcpTold         // its MCP or A2A call was reported
	modelTold       // its model call was reported
	absorbed        // a wrapper that was reported, and one model call below it recognised
	failTold        // its failure was reported, or is known to be that of another span
	late
)

// record is what is kept of every span, without pointers.
type record struct {
	parent     span.ID
	start, end int64
	above      int32  // the parent's record, or none as far as known
	detail     int32  // of agentic spans and failed ones, or none
	came       uint32 // milliseconds from the first span of the flow
	trace      uint16 // index into flow.traces
	typ        span.Type
	kind       span.Kind
	flags      flags
}

// detail is what is kept of an agentic or failed span.
type detail struct {
	workflow, agent, err name
	// Of Inference: operation, provider, request and response model. Of tools and
	// MCP: tool, method, server. Of A2A: method, state, peer. Of Workflow and Agent:
	// run id, conversation, priority, tier.
	a, b, c, d name
	agentID    name      // of Workflow and Agent
	usage      [5]uint32 // input, output, cache read, cache write, reasoning; saturating
	hasTokens  bool
	args       uint64
	cost       float64
}

// flow is a workflow, or a trace that may become one.
type flow struct {
	traces []span.TraceID // the first one came first; more of them by joining
	keys   []uint64       // of joining

	ids     []span.ID
	records []record
	details []detail
	index   []int32 // open addressing over ids: record+1; nil while few

	first, last time.Time // arrivals
	agentic     bool
	evident     bool      // an agent, a workflow or a tool is in it: not a lone model call
	pending     time.Time // when to look for settled calls, zero if nothing waits
	wake        time.Time // when it is looked at next
	ended       time.Time // zero while open
	afterwards  bool      // the trace had ended and was forgotten before
	stalled     bool
	rooted      rooted // as of the last look
	kind        name   // the type that its root tells
	found       uint16 // bit by detector

	// What spans that are no roots tell of their workflow.
	workflow, agent, priority, conversation hint

	over overflow

	slot           int // of the wheel, -1 in none
	previous, next *flow
	list           *flowList
	earlier, later *flow
}

// rooted says whether the root of a workflow has come.
type rooted uint8

const (
	rootMissing  rooted = iota
	rootDetached        // but not all that is above it
	rootAttached
)

// hint is a name told by the earliest span that tells one.
type hint struct {
	name  name
	start int64
}

// overflow sums up the spans past the limit.
type overflow struct {
	spans, tools, models, mcp, sent, failures int
	tokens                                    span.Tokens
	cost                                      float64
}

// indexFrom is the number of spans from which an index is faster than looking
// through the ids.
const indexFrom = 24

// find returns the record of a span.
func (f *flow) find(id span.ID) int32 {
	if id == (span.ID{}) {
		return none
	}
	if f.index == nil {
		for i := range f.ids {
			if f.ids[i] == id {
				return int32(i)
			}
		}
		return none
	}
	mask := uint64(len(f.index) - 1)
	for h := hashID(id) & mask; f.index[h] != 0; h = (h + 1) & mask {
		if i := f.index[h] - 1; f.ids[i] == id {
			return i
		}
	}
	return none
}

// append adds a record and returns its index.
func (f *flow) append(id span.ID, r record) int32 {
	i := int32(len(f.ids))
	f.ids = append(f.ids, id)
	f.records = append(f.records, r)
	switch {
	case f.index == nil && len(f.ids) >= indexFrom, f.index != nil && 2*len(f.ids) > len(f.index):
		size := 4 * indexFrom
		for size < 4*len(f.ids) {
			size *= 2
		}
		// A power of two, so that a mask finds the place.
		size = 1 << uint(math.Ceil(math.Log2(float64(size))))
		f.index = make([]int32, size)
		for j := range f.ids {
			f.place(int32(j))
		}
	case f.index != nil:
		f.place(i)
	}
	return i
}

func (f *flow) place(i int32) {
	mask := uint64(len(f.index) - 1)
	h := hashID(f.ids[i]) & mask
	for f.index[h] != 0 {
		h = (h + 1) & mask
	}
	f.index[h] = i + 1
}

// hashID mixes an id: ids are random by convention only.
func hashID(id span.ID) uint64 {
	h := uint64(id[0]) | uint64(id[1])<<8 | uint64(id[2])<<16 | uint64(id[3])<<24 |
		uint64(id[4])<<32 | uint64(id[5])<<40 | uint64(id[6])<<48 | uint64(id[7])<<56
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>29
}

func (f *flow) detailOf(i int32) *detail {
	if d := f.records[i].detail; d != none {
		return &f.details[d]
	}
	return &noDetail
}

// noDetail is what is known of a span without detail; nothing writes to it.
var noDetail = detail{cost: -1}

func saturate(v int64) uint32 { return uint32(min(max(v, 0), math.MaxUint32)) }

func (d *detail) tokens() span.Tokens {
	return span.Tokens{
		Input: int64(d.usage[0]), Output: int64(d.usage[1]),
		CacheRead: int64(d.usage[2]), CacheWrite: int64(d.usage[3]), Reasoning: int64(d.usage[4]),
	}
}

// agentic reports whether spans of this type make a trace one of agents.
func agentic(t span.Type) bool {
	switch t {
	case span.Workflow, span.Agent, span.Task, span.Inference, span.Tool,
		span.MCPClient, span.MCPServer, span.A2AClient, span.A2AServer:
		return true
	}
	return false
}

// each yields every name that d holds.
func (d *detail) each(use func(name)) {
	for _, n := range [...]name{d.workflow, d.agent, d.err, d.a, d.b, d.c, d.d, d.agentID} {
		use(n)
	}
}
