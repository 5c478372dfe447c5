package workflow

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/span"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
)

const serviceName = "service.name"

// scratch is what one request needs while it is looked at.
type scratch struct {
	span  span.Span
	roots []placed
	batch []placed
}

// placed is a span of the request that is going to be written to again.
type placed struct {
	span  ptrace.Span
	trace span.TraceID
	id    span.ID
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// consume looks at every span of a request, and writes what it found onto those
// that are passed on.
func (e *engine) consume(td ptrace.Traces) {
	s := scratches.Get().(*scratch)
	defer func() {
		clear(s.roots)
		clear(s.batch)
		s.roots, s.batch = s.roots[:0], s.batch[:0]
		s.span.Reset()
		scratches.Put(s)
	}()
	now := time.Now()
	spans, removed := 0, 0
	if e.traces == nil {
		// Nothing is written to the spans, which is what takes long: to lock once costs
		// less than to wait.
		e.mu.Lock()
		defer e.mu.Unlock()
		e.ledger.now = now
	}
	for _, rs := range td.ResourceSpans().All() {
		service := ""
		if v, ok := rs.Resource().Attributes().Get(serviceName); ok {
			service = v.Str()
		}
		for _, ss := range rs.ScopeSpans().All() {
			scope := ss.Scope().Name()
			for _, sp := range ss.Spans().All() {
				spans++
				read(&s.span, service, scope, sp)
				m := span.ClassifyInPlace(&s.span)
				if e.traces == nil {
					e.assembler.Add(now, &s.span, m)
					continue
				}
				place, flagged := e.add(now, &s.span, m)
				removed += e.mark(s, sp, m, place, flagged)
			}
		}
	}
	e.annotateRoots(s)
	ctx := context.Background()
	e.telemetry.ConnectorWorkflowSpans.Add(ctx, int64(spans))
	if removed > 0 {
		e.telemetry.ConnectorWorkflowContentRemoved.Add(ctx, int64(removed))
	}
}

// add gives one span to the assembler. Flagged says that something was found in
// its trace.
func (e *engine) add(now time.Time, s *span.Span, m *span.Meaning) (place assembly.Placement, flagged bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ledger.now = now
	place = e.assembler.Add(now, s, m)
	_, flagged = e.flagged.Get(s.TraceID)
	return place, flagged
}

// mark writes onto a span what is known of it alone, and keeps it in mind where
// more will be known when the rest of the request has been looked at.
func (e *engine) mark(s *scratch, sp ptrace.Span, m *span.Meaning, place assembly.Placement, flagged bool) (removed int) {
	if !e.config.KeepContent {
		removed = strip(sp, m)
	}
	normalise(sp, m)
	if !place.Agentic {
		return removed
	}
	if place.Late {
		sp.Attributes().PutBool(attrLate, true)
	}
	if flagged {
		sp.Attributes().PutInt(attrPriority, 1)
	}
	p := placed{span: sp, trace: s.span.TraceID, id: s.span.ID}
	if place.Root {
		s.roots = append(s.roots, p)
	}
	s.batch = append(s.batch, p)
	return removed
}

// annotateRoots writes onto the roots that came with this request what is known of
// their workflows now, and marks the spans of the request that are on their
// critical paths.
func (e *engine) annotateRoots(s *scratch) {
	if len(s.roots) == 0 {
		return
	}
	byTrace := func(p placed, trace span.TraceID) int { return bytes.Compare(p.trace[:], trace[:]) }
	slices.SortFunc(s.batch, func(a, b placed) int { return byTrace(a, b.trace) })
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, root := range s.roots {
		known, ok := e.assembler.Root(root.trace)
		if !ok || known.Root != root.id {
			continue // a span that is the root even more came after it
		}
		annotate(root.span, known)
		first, _ := slices.BinarySearchFunc(s.batch, root.trace, byTrace)
		for _, p := range s.batch[first:] {
			if p.trace != root.trace {
				break
			}
			if onPath(known, p.id) {
				p.span.Attributes().PutBool(attrOnPath, true)
			}
		}
	}
}
