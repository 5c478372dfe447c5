package jaeger

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/span"
)

// rememberFor is how long after its last span a trace is still known as a
// workflow: longer than the longest bucket of agent.workflow.duration.
const rememberFor = 2 * time.Hour

// selector keeps the spans of traces in which it has seen an agent. It is safe
// for concurrent use.
type selector struct {
	mu sync.Mutex
	// workflows are the traces in which an agent has been seen.
	workflows *boundedmap.Map[pcommon.TraceID, struct{}]
}

func newSelector(maxTraces int) *selector {
	return &selector{workflows: boundedmap.New[pcommon.TraceID, struct{}](maxTraces, rememberFor)}
}

// keep removes from td the spans of traces that no agent was seen in, neither in
// td itself nor before. It returns how many it removed, and how many traces it will
// not know again because there is no room to remember them.
func (s *selector) keep(now time.Time, td ptrace.Traces) (removed, refused int) {
	agents := agentTraces(td)

	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range agents {
		if _, ok := s.workflows.GetOrCreate(now, id, func() struct{} { return struct{}{} }); !ok {
			refused++
		}
	}
	td.ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(sp ptrace.Span) bool {
				id := sp.TraceID()
				if _, ok := agents[id]; ok {
					return false
				}
				if _, ok := s.workflows.Get(id); ok {
					return false
				}
				removed++
				return true
			})
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	return removed, refused
}

// agentTraces returns the traces of which td holds a span that a component before
// this one has marked, or else one that was emitted for an agent. A mark only adds:
// a trace that nobody marked is judged by its spans, because not every pipeline has
// a component that marks.
func agentTraces(td ptrace.Traces) map[pcommon.TraceID]struct{} {
	found := make(map[pcommon.TraceID]struct{})
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			scope := span.AgentScope(ss.Scope().Name())
			for _, sp := range ss.Spans().All() {
				if scope || hasAgentAttribute(sp.Attributes()) {
					found[sp.TraceID()] = struct{}{}
				}
			}
		}
	}
	return found
}

func hasAgentAttribute(attributes pcommon.Map) bool {
	for key := range attributes.All() {
		if marked(key) || span.AgentAttribute(key) {
			return true
		}
	}
	return false
}
