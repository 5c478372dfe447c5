package workflow

import (
	"cmp"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// Assembler assembles workflows. It is not safe for concurrent use and has no
// clock: the times it is given should not run backwards, and do no harm beyond
// later reports if they do.
type Assembler struct {
	settings Settings
	sink     Sink
	stats    Stats
	names    names
	wheel    wheel

	byTrace map[span.TraceID]*flow
	// recent is the flow of the trace of the latest span, if it is still there: spans
	// of a trace often come one after another.
	recent   *flow
	recentID span.TraceID
	byKey    map[uint64]*flow // of joining
	// Every flow is in one of these, by last arrival; in ended by its end.
	plain, open, ended flowList
	spare              []*flow // kept to be used again
	before             tombs   // traces that ended and were forgotten

	due     []*flow
	look    look
	call    Call
	failure Failure
	summary Summary
}

// New returns an Assembler that reports to sink. It panics on settings that break
// the rules given with them.
func New(settings Settings, sink Sink) *Assembler {
	if fault := settings.fault(); fault != "" {
		panic("workflow: " + fault)
	}
	a := &Assembler{
		settings: settings, sink: sink, names: newNames(),
		byTrace: make(map[span.TraceID]*flow), byKey: make(map[uint64]*flow),
		before: newTombs(settings.MaxWorkflows),
	}
	a.look.other = a.names.hold("_OTHER")
	return a
}

// Add takes one span that arrived at now and what it means. Nothing of s and m is
// kept. HTTP, Database and Cache calls are reported at once, others after they
// have settled.
func (a *Assembler) Add(now time.Time, s *span.Span, m *span.Meaning) Placement {
	a.stats.Spans++
	f := a.flowOf(now, s, m)
	wasLate := !f.ended.IsZero() || f.afterwards
	if wasLate {
		a.stats.Late++
	}
	if f.find(s.ID) != none {
		a.stats.Duplicates++
		return Placement{Agentic: f.agentic, Late: wasLate, Duplicate: true}
	}
	if now.After(f.last) {
		f.last = now
	}
	f.stalled = false
	f.agentic = f.agentic || agentic(m.Type)
	a.file(f)
	if m.Type != span.Noise {
		a.instant(f, s, m, wasLate)
	}
	if len(f.ids) >= a.settings.MaxSpans {
		a.overflow(f, s, m, wasLate)
		a.wakeBy(f, now.Add(a.settings.Settle))
		return Placement{Agentic: f.agentic, Late: wasLate}
	}
	i := a.record(now, f, s, m, wasLate)
	if agentic(m.Type) || m.Failed && m.Type != span.Noise {
		if f.pending.IsZero() {
			f.pending = now.Add(a.settings.Settle)
		}
	}
	a.wakeBy(f, now.Add(a.settings.Settle))
	return Placement{Agentic: f.agentic, Late: wasLate, Root: !wasLate && f.mayBeRoot(i)}
}

// Root returns what is known of the workflow of a trace whose root has come, to be
// written onto the root while it passes. The Summary is valid until the next call
// of any method.
func (a *Assembler) Root(id span.TraceID) (*Summary, bool) {
	f := a.byTrace[id]
	if f == nil || !f.agentic || f.afterwards || !f.ended.IsZero() {
		return nil, false
	}
	a.look.at(a, f)
	if a.look.root == none {
		return nil, false
	}
	a.summarise(f, "")
	return &a.summary, true
}

// Tick reports what has settled by now and ends what has ended. Call it once a
// second or so; its cost is that of what is due.
func (a *Assembler) Tick(now time.Time) {
	a.due = a.wheel.due(now, a.due[:0])
	for i, f := range a.due {
		a.visit(now, f)
		a.due[i] = nil
	}
}

// Close reports everything that is pending and ends every open workflow with the
// reason EndShutdown. The Assembler is empty afterwards.
func (a *Assembler) Close(now time.Time) {
	for _, list := range []*flowList{&a.plain, &a.open, &a.ended} {
		for list.oldest != nil {
			f := list.oldest
			a.finish(now, f, EndShutdown)
			a.forget(f)
		}
	}
}

// Stats returns the counters.
func (a *Assembler) Stats() Stats {
	s := a.stats
	s.Names = len(a.names.byText)
	s.Traces = a.plain.n + a.open.n + a.ended.n
	return s
}

// record makes the record of a span and returns its index.
func (a *Assembler) record(now time.Time, f *flow, s *span.Span, m *span.Meaning, wasLate bool) int32 {
	r := record{
		parent: s.ParentID, start: s.Start, end: max(s.Start, s.End), above: none, detail: none,
		typ: m.Type, kind: s.Kind, trace: f.traceAt(s.TraceID),
	}
	r.came = uint32(min(max(now.Sub(f.first).Milliseconds(), 0), 1<<32-1))
	if m.Failed && m.Type != span.Noise {
		r.flags |= failed
	}
	if wasLate {
		r.flags |= late
	}
	if agentic(m.Type) || r.flags&failed != 0 {
		r.detail = int32(len(f.details))
		f.details = append(f.details, a.detail(m))
		a.hints(f, s, m)
	}
	if m.Type == span.Workflow || m.Type == span.Agent || m.Type == span.Tool {
		f.evident = true
	}
	a.stats.Records++
	return f.append(s.ID, r)
}

func (a *Assembler) detail(m *span.Meaning) detail {
	t := &a.names
	d := detail{
		workflow: t.hold(cmp.Or(m.WorkflowType, m.Workflow)), agent: t.hold(m.Agent), err: t.hold(m.ErrorType),
		args: m.Arguments, cost: -1,
	}
	switch m.Type {
	case span.Inference:
		d.a, d.b, d.c, d.d = t.hold(m.Operation), t.hold(m.Provider), t.hold(m.RequestModel), t.hold(m.ResponseModel)
		d.cost, d.hasTokens = m.Cost, m.HasTokens
		if m.HasTokens {
			d.usage = [5]uint32{
				saturate(m.Tokens.Input), saturate(m.Tokens.Output),
				saturate(m.Tokens.CacheRead), saturate(m.Tokens.CacheWrite), saturate(m.Tokens.Reasoning),
			}
		}
	case span.Tool, span.MCPClient, span.MCPServer:
		d.a, d.b, d.c = t.hold(m.Tool), t.hold(m.MCPMethod), t.hold(m.MCPServer)
	case span.A2AClient, span.A2AServer:
		d.a, d.b, d.c = t.hold(m.A2AMethod), t.hold(m.A2AState), t.hold(m.A2APeer)
	case span.Workflow, span.Agent:
		d.a, d.b, d.c, d.d = t.hold(m.WorkflowID), t.hold(m.Conversation), t.hold(m.Priority), t.hold(m.Complexity)
		d.agentID = t.hold(m.AgentID)
	}
	return d
}

// hints keeps what spans repeat of their workflow, for as long as its root has not
// come.
func (a *Assembler) hints(f *flow, s *span.Span, m *span.Meaning) {
	if m.Workflow != "" || m.Agent != "" {
		f.evident = true
	}
	a.hint(&f.workflow, cmp.Or(m.WorkflowType, m.Workflow), s.Start)
	a.hint(&f.agent, m.Agent, s.Start)
	a.hint(&f.priority, m.Priority, s.Start)
	a.hint(&f.conversation, m.Conversation, s.Start)
}

// hint keeps the text of the earliest span, and of two equally early the lesser,
// so that the order of arrival decides nothing.
func (a *Assembler) hint(h *hint, text string, start int64) {
	if text == "" || h.name != 0 && (start > h.start || start == h.start && text >= a.names.text[h.name]) {
		return
	}
	a.names.drop(h.name)
	h.name, h.start = a.names.hold(text), start
}

// mayBeRoot reports whether record i is a workflow or agent that has none above
// it, and nothing that is missing above it either. A workflow, or what a remote
// peer has called, is given the benefit of the doubt.
func (f *flow) mayBeRoot(i int32) bool {
	r := &f.records[i]
	if r.typ != span.Workflow && r.typ != span.Agent {
		return false
	}
	for at, steps := i, 0; steps < 32; steps++ {
		parent := f.records[at].parent
		if parent == (span.ID{}) || parent == f.ids[at] {
			return true
		}
		up := f.find(parent)
		if up == none {
			return r.typ == span.Workflow || r.kind == span.KindServer || r.kind == span.KindConsumer
		}
		if t := f.records[up].typ; t == span.Workflow || t == span.Agent && r.typ == span.Agent {
			return false
		}
		at = up
	}
	return false
}
