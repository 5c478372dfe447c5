package workflow

import (
	"cmp"
	"strings"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// typeOf returns the type of the workflow that was looked at, as far as known.
func (a *Assembler) typeOf(f *flow) string {
	l := &a.look
	if l.root == none {
		return a.names.text[cmp.Or(f.workflow.name, f.agent.name)]
	}
	d := f.detailOf(l.root)
	return a.names.text[cmp.Or(d.workflow, f.workflow.name, d.agent, f.agent.name)]
}

// summarise makes a.summary of what was looked at; without a reason, of a
// workflow that is open.
func (a *Assembler) summarise(f *flow, reason EndReason) {
	l, s := &a.look, &a.summary
	*s = Summary{
		TraceID: f.traces[0], Traces: len(f.traces), Reason: reason,
		Type: cmp.Or(a.typeOf(f), "unknown"), Agent: a.names.text[f.agent.name],
		Priority: a.names.text[f.priority.name], Conversation: a.names.text[f.conversation.name],
		Spans: len(f.ids) + f.over.spans, Dropped: f.over.spans,
		Agents: len(l.agents),
		Path:   s.Path[:0], Findings: f.findings(s.Findings[:0]),
	}
	outcome, err := l.outcome(a)
	if l.root == none {
		switch reason {
		case EndAge:
			outcome = Timeout
		case EndEvicted, EndShutdown:
			outcome = Unknown
		default:
			outcome = Abandoned
		}
	}
	s.Outcome, s.ErrorType = outcome, a.names.text[err]
	tier := name(0)
	if l.root != none {
		r, d := &f.records[l.root], f.detailOf(l.root)
		s.TraceID, s.Root = f.traces[r.trace], f.ids[l.root]
		first := &noDetail
		if l.agent != none {
			first = f.detailOf(l.agent)
		}
		s.Agent = cmp.Or(a.names.text[d.agent], a.names.text[first.agent], s.Agent)
		s.AgentID = a.names.text[cmp.Or(d.agentID, first.agentID)]
		s.WorkflowID, tier = a.names.text[d.a], d.d
		s.Conversation = cmp.Or(a.names.text[d.b], s.Conversation)
		s.Priority = cmp.Or(a.names.text[d.c], s.Priority)
		s.Start, s.Duration = r.start, time.Duration(r.end-r.start)
		l.critical(a, s)
	} else {
		s.Start, s.Duration = f.extent()
	}
	a.count(s)
	s.Tier = cmp.Or(a.names.text[tier], s.tier())
}

// extent returns the earliest start and the time from it to the latest end.
func (f *flow) extent() (int64, time.Duration) {
	if len(f.records) == 0 {
		return 0, 0
	}
	start, end := f.records[0].start, f.records[0].end
	for i := range f.records {
		start, end = min(start, f.records[i].start), max(end, f.records[i].end)
	}
	return start, time.Duration(end - start)
}

// count fills in what is counted.
func (a *Assembler) count(s *Summary) {
	l := &a.look
	f, o := l.flow, &l.flow.over
	s.ToolCalls, s.ModelCalls, s.MCPCalls = o.tools, o.models, o.mcp
	s.Steps = o.tools + o.models + o.sent
	s.Failures, s.Tokens, s.Cost = o.failures, o.tokens, o.cost
	for _, k := range l.sorted {
		u := &l.units[k]
		if u.retry {
			s.Retries++
		}
		switch u.kind {
		case ToolCall:
			s.ToolCalls++
			s.Steps++
		case MCPCall:
			s.MCPCalls++
			if u.retry {
				s.Retries-- // counted with its tool call, or no call of an agent
			}
		case A2ASent:
			s.Steps++
		case ModelCall:
			s.ModelCalls++
			s.Steps++
			a.call = Call{Cost: -1}
			a.fillModel(u)
			s.Retries += a.call.Retries
			s.Tokens.Add(a.call.Tokens)
			s.Cost += max(a.call.Cost, 0)
		}
	}
	for i := range l.nodes {
		if f.records[i].flags&failed != 0 && !l.nodes[i].failedBelow {
			s.Failures++
		}
	}
}

// tier derives the complexity from the counts.
func (s *Summary) tier() string {
	switch {
	case s.Steps > 20 || s.ToolCalls > 10 || s.Agents > 3:
		return TierComplex
	case s.Steps <= 5 && s.Agents <= 1:
		return TierSimple
	}
	return TierModerate
}

// outcome says how a workflow ended whose root has come, and the error type that
// decided; Success where there is no root.
func (l *look) outcome(a *Assembler) (Outcome, name) {
	if l.root == none {
		return Success, 0
	}
	f := l.flow
	if f.records[l.root].flags&failed != 0 {
		err := f.detailOf(l.root).err
		return failedAs(a.names.text[err]), err
	}
	// The failure that ended last …
	last, end := none, int64(0)
	for i := range int32(len(l.nodes)) {
		r := &f.records[i]
		if i == l.root || r.flags&failed == 0 || !agentic(r.typ) {
			continue
		}
		at := r.end + l.nodes[i].shift
		if last == none || at > end || at == end && l.less(i, last) {
			last, end = i, at
		}
	}
	if last == none {
		return Success, 0
	}
	// … and what succeeded after it.
	for k := range l.units {
		if u := &l.units[k]; !u.failed && u.end > end && !l.encloses(u.at, last) {
			return Success, 0
		}
	}
	for i := range int32(len(l.nodes)) {
		r := &f.records[i]
		if (r.typ == span.Agent || r.typ == span.Workflow) && i != l.root && r.flags&failed == 0 &&
			r.end+l.nodes[i].shift > end && !l.encloses(i, last) && !l.encloses(i, l.root) {
			return Success, 0
		}
	}
	err := f.detailOf(last).err
	return failedAs(a.names.text[err]), err
}

// encloses reports whether record i is below, or is, record up.
func (l *look) encloses(up, i int32) bool {
	for ; i != none; i = l.nodes[i].above {
		if i == up {
			return true
		}
	}
	return false
}

// failedAs tells being cancelled and running out of time from other failures, by
// what languages and protocols call them: CancelledError, context.Canceled,
// TimeoutError, DEADLINE_EXCEEDED.
func failedAs(err string) Outcome {
	low := strings.ToLower(err)
	switch {
	case strings.Contains(low, "cancel"):
		return Cancelled
	case strings.Contains(low, "timeout"), strings.Contains(low, "timed_out"), strings.Contains(low, "deadline"):
		return Timeout
	}
	return Failed
}
