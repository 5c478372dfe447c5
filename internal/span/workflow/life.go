package workflow

import (
	"cmp"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// wakeBy makes sure that f is visited at t or earlier.
func (a *Assembler) wakeBy(f *flow, t time.Time) {
	if f.slot < 0 || t.Before(f.wake) {
		a.wheel.set(f, t)
	}
}

// visit does what is due for f.
func (a *Assembler) visit(now time.Time, f *flow) {
	switch {
	case !f.ended.IsZero():
		a.visitEnded(now, f)
	case !f.agentic:
		a.visitPlain(now, f)
	default:
		a.visitOpen(now, f)
	}
}

func (a *Assembler) visitEnded(now time.Time, f *flow) {
	a.settle(now, f)
	if until := f.until(f.ended.Add(a.settings.Remember)); f.pending.IsZero() && !now.Before(until) {
		a.forget(f)
		return
	} else if f.pending.IsZero() || until.Before(f.pending) {
		a.wakeBy(f, later(until, now))
		return
	}
	a.wakeBy(f, later(f.pending, now))
}

// until returns t, or a moment after the last span if that is later: a span that
// was late is no reason to forget at once.
func (f *flow) until(t time.Time) time.Time {
	if f.last.After(t) {
		return f.last
	}
	return t
}

func (a *Assembler) visitPlain(now time.Time, f *flow) {
	a.settle(now, f)
	over := f.last.Add(patience * a.settings.Settle)
	if now.Before(over) {
		a.wakeBy(f, later(over, now))
		return
	}
	a.finish(now, f, EndComplete)
	a.forget(f)
}

func (a *Assembler) visitOpen(now time.Time, f *flow) {
	a.settle(now, f)
	s := &a.settings
	next := f.first.Add(s.MaxDuration)
	reason := EndAge
	take := func(t time.Time, why EndReason) {
		if t.Before(next) {
			next, reason = t, why
		}
	}
	take(f.last.Add(s.IdleTimeout), EndIdle)
	switch f.rooted {
	case rootAttached:
		take(f.last.Add(s.Settle), EndComplete)
	case rootDetached:
		take(f.last.Add(s.DetachedTimeout), EndDetached)
	}
	if !now.Before(next) {
		a.finish(now, f, reason)
		if s.Remember == 0 {
			a.forget(f)
			return
		}
		f.ended = now
		a.file(f)
		a.wakeBy(f, now.Add(s.Remember))
		return
	}
	if s.StallTimeout > 0 && f.evident && f.rooted != rootAttached && !f.stalled {
		if stall := f.last.Add(s.StallTimeout); now.Before(stall) {
			take(stall, "")
		} else {
			a.stall(now, f)
		}
	}
	if !f.pending.IsZero() {
		take(f.pending, "")
	}
	a.wakeBy(f, later(next, now))
}

// later returns t, or the next moment if t is over.
func later(t, now time.Time) time.Time {
	if t.After(now) {
		return t
	}
	return now.Add(grain)
}

// finish reports all that is pending of f and, of a workflow that was open, how
// it ended.
func (a *Assembler) finish(now time.Time, f *flow, reason EndReason) {
	if len(f.details) == 0 && f.over.spans == 0 {
		return
	}
	a.look.at(a, f)
	// What ended before is not reported as another workflow.
	open := f.ended.IsZero() && !f.afterwards && f.agentic && a.isWorkflow(f)
	if open {
		a.summarise(f, reason)
	}
	a.report(now, f, true)
	if open {
		// Once more, for what was found meanwhile.
		a.summary.Findings = f.findings(a.summary.Findings[:0])
		a.stats.Workflows++
		a.sink.Ended(&a.summary)
	}
}

// isWorkflow reports whether there is a workflow in what was looked at: its root,
// or the signs of one whose root did not come. Requests that a server of tools got
// from somewhere are none.
func (a *Assembler) isWorkflow(f *flow) bool {
	return a.look.root != none ||
		f.evident && (f.workflow.name != 0 || f.agent.name != 0 || a.look.orphan)
}

// settle reports what has settled by now.
func (a *Assembler) settle(now time.Time, f *flow) {
	if f.pending.IsZero() || now.Before(f.pending) {
		return
	}
	a.look.at(a, f)
	f.rooted = rootMissing
	if l := &a.look; l.root != none {
		f.rooted = rootDetached
		d, was := f.detailOf(l.root), f.kind
		f.kind = a.names.again(cmp.Or(d.workflow, f.workflow.name, d.agent))
		a.names.drop(was)
		if l.complete {
			f.rooted = rootAttached
		}
	}
	a.report(now, f, false)
}

// report reports the calls and failures that have settled, or all of them when
// forced, looks for what goes wrong, and sets when to look again.
func (a *Assembler) report(now time.Time, f *flow, force bool) {
	f.pending = time.Time{}
	a.reportCalls(now, f, force)
	a.reportFailures(now, f, force)
	if f.ended.IsZero() && f.agentic {
		a.detect(f)
	}
}

// waits notes that something of f is pending until t.
func (f *flow) waits(t time.Time) {
	if f.pending.IsZero() || t.Before(f.pending) {
		f.pending = t
	}
}

// ready says whether a thing whose last span came at the given time may be
// reported, and notes when to look again if not. What lacks something that a span
// still to come may tell is waited for with patience.
func (a *Assembler) ready(now time.Time, f *flow, came uint32, lacks, force bool) bool {
	wait := a.settings.Settle
	if lacks {
		wait *= patience
	}
	arrived := f.first.Add(time.Duration(came) * time.Millisecond)
	if due := arrived.Add(wait); !force && now.Before(due) {
		f.waits(due)
		return false
	}
	return true
}

// instant reports what is a call by itself.
func (a *Assembler) instant(f *flow, s *span.Span, m *span.Meaning, wasLate bool) {
	var kind Kind
	switch m.Type {
	case span.HTTPClient:
		kind = HTTPSent
	case span.HTTPServer:
		kind = HTTPServed
	case span.Database:
		kind = DatabaseCall
	case span.Cache:
		kind = CacheCall
	case span.MCPClient, span.MCPServer, span.A2AClient, span.A2AServer:
		// One span may stand for the message and for the request that carries it.
		if m.HTTPMethod == "" {
			return
		}
		kind = HTTPSent
		if m.Type == span.MCPServer || m.Type == span.A2AServer {
			kind = HTTPServed
		}
	default:
		return
	}
	a.call = Call{
		Kind: kind, TraceID: s.TraceID, SpanID: s.ID, Workflow: a.names.text[f.workflow.name],
		Start: s.Start, Duration: time.Duration(max(s.End-s.Start, 0)),
		Failed: m.Failed, ErrorType: m.ErrorType, Late: wasLate, Cost: -1,
		HTTPMethod: m.HTTPMethod, HTTPRoute: m.HTTPRoute, HTTPStatus: m.HTTPStatus, Peer: m.Peer,
		DBSystem: m.DBSystem, DBOperation: m.DBOperation, DBTable: m.DBTable, CacheResult: m.CacheResult,
	}
	a.sink.Call(&a.call)
}
