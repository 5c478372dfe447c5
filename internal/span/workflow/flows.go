package workflow

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// joinLimit bounds the traces and the keys of one joined workflow.
const joinLimit = 64

// spareLimit and spareSpans bound what is kept of forgotten flows to be used
// again.
const (
	spareLimit = 1024
	spareSpans = 64
)

// usualSpans is how many spans a new flow has room for.
const usualSpans = 8

// patience is how many times Settle is waited for what would tell more of a call
// or failure, and after which a trace without agents is forgotten.
const patience = 6

// flowOf returns the flow of a span, new or known, with the traces that belong to
// it joined.
func (a *Assembler) flowOf(now time.Time, s *span.Span, m *span.Meaning) *flow {
	f := a.recent
	if f == nil || a.recentID != s.TraceID {
		if f = a.byTrace[s.TraceID]; f == nil {
			f = a.begin(now, s.TraceID)
		}
		a.recent, a.recentID = f, s.TraceID
	}
	if j := &a.settings.Join; j.Links || j.Tasks || j.Conversations {
		f = a.join(f, s, m)
	}
	return f
}

func (a *Assembler) begin(now time.Time, id span.TraceID) *flow {
	if a.plain.n+a.open.n+a.ended.n >= a.settings.MaxWorkflows {
		a.makeRoom(now)
	}
	var f *flow
	if last := len(a.spare) - 1; last >= 0 {
		f, a.spare = a.spare[last], a.spare[:last]
	} else {
		f = &flow{ids: make([]span.ID, 0, usualSpans), records: make([]record, 0, usualSpans)}
	}
	f.slot = -1
	f.first, f.last = now, now
	f.traces = append(f.traces, id)
	f.afterwards = a.before.has(id)
	a.byTrace[id] = f
	a.plain.move(f)
	return f
}

// file puts f to the list that it belongs to.
func (a *Assembler) file(f *flow) {
	switch {
	case !f.ended.IsZero():
		a.ended.move(f)
	case f.agentic:
		a.open.move(f)
	default:
		a.plain.move(f)
	}
}

func (a *Assembler) makeRoom(now time.Time) {
	switch {
	case a.plain.oldest != nil:
		f := a.plain.oldest
		if len(f.details) > 0 {
			a.finish(now, f, EndEvicted)
		}
		a.stats.Forgotten++
		a.forget(f)
	case a.ended.oldest != nil:
		f := a.ended.oldest
		a.finish(now, f, EndEvicted)
		a.forget(f)
	default:
		f := a.open.oldest
		a.stats.Evicted++
		a.finish(now, f, EndEvicted)
		a.forget(f)
	}
}

// forget lets go of everything of f.
func (a *Assembler) forget(f *flow) {
	a.wheel.unset(f)
	(*flowList)(nil).move(f)
	if a.recent == f {
		a.recent = nil
	}
	if a.look.flow == f {
		a.look.flow = nil
	}
	for _, id := range f.traces {
		delete(a.byTrace, id)
		if f.agentic {
			a.before.add(id)
		}
	}
	for _, key := range f.keys {
		delete(a.byKey, key)
	}
	for i := range f.details {
		f.details[i].each(a.names.drop)
	}
	for _, h := range [...]hint{f.workflow, f.agent, f.priority, f.conversation} {
		a.names.drop(h.name)
	}
	a.names.drop(f.kind)
	a.stats.Records -= len(f.ids)
	if len(a.spare) < spareLimit && cap(f.ids) <= spareSpans {
		*f = flow{
			traces: f.traces[:0], keys: f.keys[:0],
			ids: f.ids[:0], records: f.records[:0], details: f.details[:0],
		}
		a.spare = append(a.spare, f)
	}
}

// join makes one flow of what the settings hold for one workflow.
func (a *Assembler) join(f *flow, s *span.Span, m *span.Meaning) *flow {
	if a.settings.Join.Links {
		for _, link := range s.Links {
			if link.TraceID != s.TraceID && link.TraceID != (span.TraceID{}) {
				f = a.joinTrace(f, link.TraceID)
			}
		}
	}
	if a.settings.Join.Tasks && m.A2ATask != "" {
		f = a.joinKey(f, 't', m.A2ATask)
	}
	if a.settings.Join.Conversations && m.Conversation != "" {
		f = a.joinKey(f, 'c', m.Conversation)
	}
	return f
}

func (a *Assembler) joinTrace(f *flow, id span.TraceID) *flow {
	other := a.byTrace[id]
	switch {
	case other == f:
	case other != nil:
		return a.merge(f, other)
	case len(f.traces) >= joinLimit:
		a.stats.Unjoined++
	default:
		// Its spans may be on their way.
		a.byTrace[id] = f
		f.traces = append(f.traces, id)
	}
	return f
}

func (a *Assembler) joinKey(f *flow, kind byte, text string) *flow {
	key := xxhash.Sum64String(text) ^ uint64(kind)*0x9e3779b97f4a7c15
	other := a.byKey[key]
	switch {
	case other == f:
	case other != nil:
		return a.merge(f, other)
	case len(f.keys) >= joinLimit:
		a.stats.Unjoined++
	default:
		a.byKey[key] = f
		f.keys = append(f.keys, key)
	}
	return f
}

// merge makes one flow of two and returns it, or f where the two may not be one.
func (a *Assembler) merge(f, other *flow) *flow {
	if !f.ended.IsZero() || !other.ended.IsZero() || len(f.traces)+len(other.traces) > joinLimit ||
		len(f.keys)+len(other.keys) > joinLimit || len(f.ids)+len(other.ids) > a.settings.MaxSpans {
		a.stats.Unjoined++
		return f
	}
	into, from := f, other
	if other.first.Before(f.first) {
		into, from = other, f
	}
	a.look.flow, a.recent = nil, nil
	shift := from.first.Sub(into.first).Milliseconds()
	base := uint16(len(into.traces))
	for i, id := range from.ids {
		r := from.records[i]
		if into.find(id) != none {
			a.stats.Records--
			if r.detail != none {
				from.details[r.detail].each(a.names.drop)
			}
			continue
		}
		if r.detail != none {
			into.details = append(into.details, from.details[r.detail])
			r.detail = int32(len(into.details) - 1)
		}
		r.above, r.trace = none, r.trace+base
		r.came = uint32(min(int64(r.came)+shift, 1<<32-1))
		into.append(id, r)
	}
	for _, id := range from.traces {
		a.byTrace[id] = into
	}
	into.traces = append(into.traces, from.traces...)
	for _, key := range from.keys {
		a.byKey[key] = into
	}
	into.keys = append(into.keys, from.keys...)
	if from.last.After(into.last) {
		into.last = from.last
	}
	if into.pending.IsZero() || !from.pending.IsZero() && from.pending.Before(into.pending) {
		into.pending = from.pending
	}
	into.agentic = into.agentic || from.agentic
	into.evident = into.evident || from.evident
	into.found |= from.found
	for _, pair := range [][2]*hint{
		{&into.workflow, &from.workflow}, {&into.agent, &from.agent},
		{&into.priority, &from.priority}, {&into.conversation, &from.conversation},
	} {
		a.hint(pair[0], a.names.text[pair[1].name], pair[1].start)
		a.names.drop(pair[1].name)
	}
	a.names.drop(from.kind)
	into.over.add(&from.over)
	a.wheel.unset(from)
	(*flowList)(nil).move(from)
	a.file(into)
	a.wakeBy(into, into.last.Add(a.settings.Settle))
	return into
}

func (o *overflow) add(p *overflow) {
	o.spans += p.spans
	o.tools += p.tools
	o.models += p.models
	o.mcp += p.mcp
	o.sent += p.sent
	o.failures += p.failures
	o.tokens.Add(p.tokens)
	o.cost += p.cost
}

// traceAt returns the index of a trace in f.traces.
func (f *flow) traceAt(id span.TraceID) uint16 {
	for i := range f.traces {
		if f.traces[i] == id {
			return uint16(i)
		}
	}
	return 0
}

// tombs remembers the traces that were forgotten last.
type tombs struct {
	known map[span.TraceID]struct{}
	ring  []span.TraceID
	at    int
	limit int
}

func newTombs(limit int) tombs {
	return tombs{known: make(map[span.TraceID]struct{}), limit: limit}
}

func (t *tombs) has(id span.TraceID) bool {
	_, ok := t.known[id]
	return ok
}

func (t *tombs) add(id span.TraceID) {
	if t.has(id) {
		return
	}
	t.known[id] = struct{}{}
	if len(t.ring) < t.limit {
		t.ring = append(t.ring, id)
		return
	}
	delete(t.known, t.ring[t.at])
	t.ring[t.at] = id
	t.at = (t.at + 1) % t.limit
}
