package workflow

import (
	"cmp"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// reportCalls reports the calls that have settled.
func (a *Assembler) reportCalls(now time.Time, f *flow, force bool) {
	l := &a.look
	workflow := a.typeOf(f)
	for _, k := range l.sorted {
		u := &l.units[k]
		if u.told || u.kind == ModelCall && l.recognised(u) {
			u.told = true
			continue
		}
		if !a.ready(now, f, u.latest, a.lacks(u), force) {
			continue
		}
		u.told = true
		a.fill(u, workflow)
		if c := &a.call; u.kind == ModelCall && l.paid(u) {
			c.Tokens, c.HasTokens, c.Cost, c.PriceStatus = span.Tokens{}, false, -1, ""
		}
		a.sink.Call(&a.call)
	}
	// Every span of a call that was reported, also one that came after that.
	for i := range l.nodes {
		v, r := &l.nodes[i], &f.records[i]
		if v.toolUnit != none && l.units[v.toolUnit].told {
			r.flags |= toolTold
		}
		if v.peerUnit != none && l.units[v.peerUnit].told {
			r.flags |= mcpTold
		}
		if v.modelUnit != none && l.units[v.modelUnit].told {
			r.flags |= modelTold
		}
	}
}

// recognised reports whether a wrapper of the model call was reported in its
// place, and lets that stand for one call only.
func (l *look) recognised(u *unit) bool {
	for w := l.nodes[u.at].modelUp; w != none; w = l.nodes[w].modelUp {
		r := &l.flow.records[w]
		if r.flags&(modelTold|absorbed) == modelTold {
			r.flags |= absorbed
			return true
		}
	}
	return false
}

// lacks reports whether spans that have not come may tell something of a call
// that it lacks: its agent, or the usage of a model call.
func (a *Assembler) lacks(u *unit) bool {
	l := &a.look
	if l.nodes[u.at].complete {
		return false
	}
	if u.kind == ModelCall && !u.failed {
		if _, ok := l.usage(u); !ok && !l.paid(u) {
			return true
		}
	}
	return a.agentOf(u.at) == 0
}

// agentOf returns the agent that a record belongs to.
func (a *Assembler) agentOf(i int32) name {
	l := &a.look
	for at := l.nodes[i].agent; at != none; at = l.nodes[at].aboveAgent(l) {
		if n := l.flow.detailOf(at).agent; n != 0 {
			return n
		}
	}
	return l.flow.detailOf(i).agent
}

// aboveAgent returns the nearest agent above an agent.
func (v *node) aboveAgent(l *look) int32 {
	if v.above == none {
		return none
	}
	return l.nodes[v.above].agent
}

// usage returns the record that tells the usage of a model call: its own, else
// that of a wrapper of nothing but this call.
func (l *look) usage(u *unit) (int32, bool) {
	for at := u.at; at != none && l.nodes[at].leaves <= 1; at = l.nodes[at].modelUp {
		if l.flow.detailOf(at).hasTokens {
			return at, true
		}
	}
	if at, ok := l.sharedUsage(u); ok {
		return at, true
	}
	return none, false
}

// paid reports whether the usage of a model call was reported with a wrapper that
// was taken for the call before the call itself came.
func (l *look) paid(u *unit) bool {
	for w := l.nodes[u.at].modelUp; w != none; w = l.nodes[w].modelUp {
		if l.flow.records[w].flags&modelTold != 0 && l.flow.detailOf(w).hasTokens {
			return true
		}
	}
	return false
}

// sharedUsage gives the usage of a wrapper of several calls to the last of them
// when none of them tells its own, so that the sum is right.
func (l *look) sharedUsage(u *unit) (int32, bool) {
	w := l.nodes[u.at].modelUp
	for w != none && !l.flow.detailOf(w).hasTokens {
		w = l.nodes[w].modelUp
	}
	if w == none || l.nodes[w].leaves <= 1 {
		return none, false
	}
	return w, !l.nodes[w].leafTells && l.nodes[w].lastLeaf == u.at
}

// fill makes a.call of u.
func (a *Assembler) fill(u *unit, workflow string) {
	l := &a.look
	f, r := l.flow, &l.flow.records[u.at]
	text := func(i int32, of func(*detail) name) string {
		if i == none {
			return ""
		}
		return a.names.text[of(f.detailOf(i))]
	}
	fieldA := func(d *detail) name { return d.a }
	fieldB := func(d *detail) name { return d.b }
	fieldC := func(d *detail) name { return d.c }
	a.call = Call{
		Kind: u.kind, TraceID: f.traces[r.trace], SpanID: f.ids[u.at],
		Workflow: workflow, Agent: a.names.text[a.agentOf(u.at)], Priority: a.names.text[f.priority.name],
		Start: r.start, Duration: time.Duration(r.end - r.start),
		Failed: u.failed, Late: r.flags&late != 0, Retry: u.retry, Cost: -1,
	}
	c := &a.call
	if u.failed {
		c.ErrorType = cmp.Or(a.errorOf(u), "_OTHER")
	}
	switch u.kind {
	case ModelCall:
		a.fillModel(u)
	case ToolCall, MCPCall:
		c.Tool = text(u.nameBy, fieldA)
		if k := l.nodes[u.at].toolUnit; c.Tool == "" && k != none {
			c.Tool = text(l.units[k].nameBy, fieldA) // only the agent tells it
		}
		c.MCPMethod, c.MCPServer = text(u.methodBy, fieldB), text(u.serverBy, fieldC)
		c.OverMCP, c.ServerSide = u.kind == ToolCall && u.overMCP, u.kind == MCPCall && !u.client
		if u.argsBy != none {
			c.Arguments = f.detailOf(u.argsBy).args
		}
	default:
		c.A2AMethod, c.A2AState, c.Peer = text(u.nameBy, fieldA), text(u.methodBy, fieldB), text(u.serverBy, fieldC)
	}
}

// errorOf returns the error type of a failed call: that of its outermost span that
// tells more than that something failed.
func (a *Assembler) errorOf(u *unit) string {
	if u.errBy == none {
		return ""
	}
	return a.names.text[a.look.flow.detailOf(u.errBy).err]
}

func (a *Assembler) fillModel(u *unit) {
	l, c := &a.look, &a.call
	d := *l.flow.detailOf(u.at)
	reported := d.cost
	for w := l.nodes[u.at].modelUp; w != none; w = l.nodes[w].modelUp {
		e := l.flow.detailOf(w)
		d.a, d.b, d.c = cmp.Or(d.a, e.a), cmp.Or(d.b, e.b), cmp.Or(d.c, e.c)
		if d.d == 0 && l.nodes[w].leaves <= 1 {
			d.d = e.d
		}
	}
	text := a.names.text
	c.Operation, c.Provider = text[d.a], text[d.b]
	c.RequestModel, c.Model = text[d.c], text[cmp.Or(d.d, d.c)]
	c.Retries = int(l.attempts(u))
	if at, ok := l.usage(u); ok {
		e := l.flow.detailOf(at)
		c.Tokens, c.HasTokens = e.tokens(), true
		if reported < 0 {
			reported = e.cost
		}
	}
	a.price(c, reported)
}

// attempts returns how many HTTP requests within a model call failed and were
// followed by another one.
func (l *look) attempts(u *unit) int32 {
	v := &l.nodes[u.at]
	return max(min(v.refused, v.requests-1), 0)
}

// price fills in the cost of a model call.
func (a *Assembler) price(c *Call, reported float64) {
	switch {
	case reported >= 0:
		c.Cost, c.PriceStatus = reported, "reported"
	case c.HasTokens && a.settings.Price != nil:
		c.Cost, c.PriceStatus = a.settings.Price(c.Provider, c.Model, c.Tokens)
	}
}

// overflow counts a span past the limit by itself.
func (a *Assembler) overflow(f *flow, s *span.Span, m *span.Meaning, wasLate bool) {
	a.stats.Dropped++
	o := &f.over
	o.spans++
	if m.Failed && m.Type != span.Noise {
		o.failures++
		a.failure = Failure{
			TraceID: s.TraceID, SpanID: s.ID, Component: component(m.Type), ErrorType: m.ErrorType,
			Recoverable: RecoverableUnknown, Severity: "error",
			Workflow: a.names.text[f.workflow.name], Agent: m.Agent, Start: s.Start,
		}
		a.sink.Failed(&a.failure)
	}
	a.call = Call{
		TraceID: s.TraceID, SpanID: s.ID, Workflow: a.names.text[f.workflow.name], Agent: m.Agent,
		Start: s.Start, Duration: time.Duration(max(s.End-s.Start, 0)),
		Failed: m.Failed, ErrorType: m.ErrorType, Late: wasLate, Cost: -1,
		Tool: m.Tool, Arguments: m.Arguments, MCPMethod: m.MCPMethod, MCPServer: m.MCPServer,
	}
	c := &a.call
	switch m.Type {
	case span.Tool:
		o.tools++
		c.Kind, c.OverMCP = ToolCall, m.MCPMethod != ""
		a.sink.Call(c)
		if m.MCPMethod == "" {
			return
		}
		o.mcp++
		c.Kind, c.OverMCP = MCPCall, false
	case span.Inference:
		o.models++
		c.Kind, c.Operation, c.Provider = ModelCall, m.Operation, m.Provider
		c.RequestModel, c.Model = m.RequestModel, cmp.Or(m.ResponseModel, m.RequestModel)
		c.Tokens, c.HasTokens = m.Tokens, m.HasTokens
		a.price(c, m.Cost)
		o.tokens.Add(m.Tokens)
		o.cost += max(c.Cost, 0)
	case span.MCPClient:
		o.mcp++
		c.Kind = MCPCall
	case span.A2AClient, span.A2AServer:
		c.Kind, c.A2AMethod, c.A2AState, c.Peer = A2AReceived, m.A2AMethod, m.A2AState, m.A2APeer
		if m.Type == span.A2AClient {
			o.sent++
			c.Kind = A2ASent
		}
	default:
		return
	}
	a.sink.Call(c)
}
