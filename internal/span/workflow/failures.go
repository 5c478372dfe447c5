package workflow

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// reportFailures reports the innermost failures of which is known what became of
// them.
func (a *Assembler) reportFailures(now time.Time, f *flow, force bool) {
	l := &a.look
	outcome, decided := Outcome(""), false
	for _, i := range l.order {
		r, v := &f.records[i], &l.nodes[i]
		if r.flags&(failed|failTold) != failed || v.failedBelow {
			continue
		}
		if v.toldAbove || v.above != none && l.nodes[v.above].toldAbove {
			// A failure above was taken for the innermost before this one came.
			r.flags |= failTold
			continue
		}
		if !a.ready(now, f, r.came, false, force) {
			continue
		}
		if !decided {
			outcome, _ = l.outcome(a)
			decided = true
		}
		recoverable := l.recoverable(i, outcome)
		if recoverable == RecoverableUnknown && !a.ready(now, f, r.came, true, force) {
			continue
		}
		r.flags |= failTold
		severity := "error"
		switch {
		case recoverable == RecoverableYes:
			severity = "warning"
		case recoverable == RecoverableNo && l.root != none:
			severity = "critical"
		}
		a.failure = Failure{
			TraceID: f.traces[r.trace], SpanID: f.ids[i], Component: l.component(i),
			ErrorType: a.names.text[f.detailOf(i).err], Recoverable: recoverable, Severity: severity,
			Workflow: a.typeOf(f), Agent: a.names.text[a.agentOf(i)], Start: r.start,
		}
		a.sink.Failed(&a.failure)
	}
}

// recoverable tells what became of the failure of record i.
func (l *look) recoverable(i int32, outcome Outcome) Recoverable {
	f, v := l.flow, &l.nodes[i]
	units := [...]int32{v.toolUnit, v.peerUnit, v.modelUnit, none, none}
	if v.tool != none {
		units[3] = l.nodes[v.tool].toolUnit
	}
	if v.model != none {
		units[4] = l.nodes[v.model].modelUnit
	}
	for _, k := range units {
		if k != none && l.units[k].redeemed {
			return RecoverableYes
		}
	}
	for at := v.above; at != none; at = l.nodes[at].above {
		if f.records[at].flags&failed != 0 {
			continue
		}
		switch f.records[at].typ {
		case span.Tool:
			if k := l.nodes[at].toolUnit; k == none || !l.units[k].failed {
				return RecoverableYes
			}
		case span.Inference, span.HTTPServer:
			return RecoverableYes
		case span.Workflow, span.Agent:
			if at != l.root {
				return RecoverableYes
			}
			if outcome == Success {
				return RecoverableYes
			}
			return RecoverableNo
		}
	}
	if v.complete {
		return RecoverableNo
	}
	return RecoverableUnknown
}

// component returns the part of the system that record i belongs to.
func (l *look) component(i int32) Component {
	for at := i; at != none; at = l.nodes[at].above {
		if c := component(l.flow.records[at].typ); c != ComponentOther {
			return c
		}
	}
	return ComponentOther
}

func component(t span.Type) Component {
	switch t {
	case span.Workflow, span.Agent, span.Task:
		return ComponentAgent
	case span.Inference:
		return ComponentInference
	case span.Tool:
		return ComponentTool
	case span.MCPClient, span.MCPServer:
		return ComponentMCP
	case span.A2AClient, span.A2AServer:
		return ComponentA2A
	case span.HTTPClient, span.HTTPServer:
		return ComponentHTTP
	case span.Database:
		return ComponentDatabase
	case span.Cache:
		return ComponentCache
	}
	return ComponentOther
}
