package workflow

import (
	"strings"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// sameToolSteps is how many tool spans above another are compared with it.
const sameToolSteps = 16

// unit is one call.
type unit struct {
	kind   Kind
	at     int32 // the record that stands for it
	agent  int32
	latest uint32 // when its last span came, as record.came
	start  int64  // with the clock shifted
	end    int64
	key    uint64 // what makes two calls the same

	nameBy, argsBy, methodBy, serverBy, errBy int32 // records, or none

	failed, overMCP, client bool
	told                    bool
	retry                   bool // repeats a failed one
	redeemed                bool // failed, and repeated with success
}

// toolSpan finds the tool call that record i shows.
func (l *look) toolSpan(a *Assembler, i int32) {
	at := l.nodes[i].toolUp
	for steps := 0; at != none && steps < sameToolSteps; steps++ {
		if l.sameTool(a, at, i) {
			l.nodes[i].toolUnit = l.nodes[at].toolUnit
			l.show(l.nodes[i].toolUnit, i, toolTold)
			return
		}
		at = l.nodes[at].toolUp
	}
	l.nodes[i].toolUnit = l.unit(ToolCall, i)
	l.show(l.nodes[i].toolUnit, i, toolTold)
}

// sameTool reports whether two tool spans, one above the other, name one tool.
func (l *look) sameTool(a *Assembler, above, below int32) bool {
	f := l.flow
	outer, inner := f.detailOf(above).a, f.detailOf(below).a
	if outer == inner {
		return true
	}
	overMCP := f.records[below].typ != span.Tool
	if outer == 0 || inner == 0 {
		return overMCP || f.records[above].typ != span.Tool
	}
	if !overMCP {
		return false
	}
	prefix, ok := strings.CutSuffix(a.names.text[outer], a.names.text[inner])
	return ok && prefix != "" && strings.ContainsRune("_.-/:", rune(prefix[len(prefix)-1]))
}

// peerSpan finds the MCP request or A2A message that record i shows; near is the
// nearest span of that protocol above it and becomes i.
func (l *look) peerSpan(a *Assembler, i int32, near *int32, kind Kind) {
	f, at := l.flow, *near
	*near = i
	v := &l.nodes[i]
	if at != none && l.sameRequest(a, at, i, kind) {
		v.peerUnit = l.nodes[at].peerUnit
	} else {
		v.peerUnit = l.unit(kind, i)
	}
	l.show(v.peerUnit, i, mcpTold)
	if !f.received(i) {
		l.units[v.peerUnit].client = true
	}
}

func (l *look) sameRequest(a *Assembler, above, below int32, kind Kind) bool {
	f := l.flow
	out, in := f.detailOf(above), f.detailOf(below)
	methodOut, methodIn := out.b, in.b
	if kind != MCPCall {
		methodOut, methodIn = out.a, in.a
	}
	if methodOut != methodIn && methodOut != 0 && methodIn != 0 {
		return false
	}
	if kind != MCPCall {
		return f.received(above) == f.received(below)
	}
	if f.received(above) && !f.received(below) {
		return false
	}
	return out.a == in.a || out.a == 0 || in.a == 0 || l.sameTool(a, above, below)
}

// received reports whether record i is the receiver's view of a request.
func (f *flow) received(i int32) bool {
	r := &f.records[i]
	return r.typ == span.MCPServer || r.typ == span.A2AServer || r.typ == span.Tool && r.kind == span.KindServer
}

func (l *look) unit(kind Kind, i int32) int32 {
	r, v := &l.flow.records[i], &l.nodes[i]
	l.units = append(l.units, unit{
		kind: kind, at: i, agent: v.agent, start: r.start + v.shift, end: r.end + v.shift,
		nameBy: none, argsBy: none, methodBy: none, serverBy: none, errBy: none,
	})
	return int32(len(l.units) - 1)
}

// show adds what record i tells to a call.
func (l *look) show(at, i int32, told flags) {
	u, r, d := &l.units[at], &l.flow.records[i], l.flow.detailOf(i)
	u.latest = max(u.latest, r.came)
	u.told = u.told || r.flags&told != 0
	if r.flags&failed != 0 {
		u.failed = true
		l.prefer(&u.errBy, i, d.err != 0 && d.err != l.other)
	}
	l.prefer(&u.nameBy, i, d.a != 0)
	l.prefer(&u.argsBy, i, d.args != 0)
	l.prefer(&u.methodBy, i, d.b != 0)
	l.prefer(&u.serverBy, i, d.c != 0)
	u.overMCP = u.overMCP || r.typ == span.MCPClient || r.typ == span.MCPServer || d.b != 0
}

// prefer makes i what is told by, unless one further out or earlier tells it.
func (l *look) prefer(by *int32, i int32, tells bool) {
	if !tells {
		return
	}
	if *by == none || l.nodes[i].depth < l.nodes[*by].depth ||
		l.nodes[i].depth == l.nodes[*by].depth && l.less(i, *by) {
		*by = i
	}
}
