package workflow

import (
	"cmp"
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// pathLimit is how many spans of a critical path are told.
const pathLimit = 64

// critical fills in the critical path: from the end of the root backwards, always
// along the child that ended last before what is on the path already.
func (l *look) critical(a *Assembler, s *Summary) {
	l.children()
	l.onPath = l.onPath[:0]
	root := &l.flow.records[l.root]
	l.follow(l.root, root.end+l.nodes[l.root].shift)
	if len(l.onPath) > pathLimit {
		slices.SortFunc(l.onPath, func(x, y pathNode) int {
			return cmp.Or(cmp.Compare(y.self, x.self), l.compare(x.at, y.at))
		})
		l.onPath = l.onPath[:pathLimit]
	}
	slices.SortFunc(l.onPath, func(x, y pathNode) int { return l.compare(x.at, y.at) })
	for _, p := range l.onPath {
		s.Path = append(s.Path, PathSpan{
			SpanID: l.flow.ids[p.at], Type: l.flow.records[p.at].typ,
			Name: a.names.text[l.flow.label(p.at)], Self: time.Duration(p.self),
		})
	}
}

type pathNode struct {
	at   int32
	self int64
}

func (l *look) compare(i, j int32) int {
	switch {
	case i == j:
		return 0
	case l.less(i, j):
		return -1
	}
	return 1
}

// label returns what a record is called: tool, model, agent or workflow.
func (f *flow) label(i int32) name {
	d := f.detailOf(i)
	switch f.records[i].typ {
	case span.Tool, span.MCPClient, span.MCPServer:
		return cmp.Or(d.a, d.b)
	case span.A2AClient, span.A2AServer:
		return d.a
	case span.Inference:
		return cmp.Or(d.d, d.c)
	case span.Agent:
		return d.agent
	case span.Workflow:
		return cmp.Or(d.workflow, d.agent)
	}
	return 0
}

// children lists the records by parent: those of record i are
// kids[firstKid[i]:firstKid[i+1]].
func (l *look) children() {
	n := len(l.nodes)
	l.firstKid = slices.Grow(l.firstKid[:0], n+2)[:n+2]
	clear(l.firstKid)
	l.kids = slices.Grow(l.kids[:0], n)[:n]
	for i := range l.nodes {
		if up := l.nodes[i].above; up != none {
			l.firstKid[up+2]++
		}
	}
	for i := 2; i < n+2; i++ {
		l.firstKid[i] += l.firstKid[i-1]
	}
	for i := range l.nodes {
		if up := l.nodes[i].above; up != none {
			l.kids[l.firstKid[up+1]] = int32(i)
			l.firstKid[up+1]++
		}
	}
}

// follow adds the part of the path that lies within record i and before until.
func (l *look) follow(i int32, until int64) {
	r, shift := &l.flow.records[i], l.nodes[i].shift
	start := r.start + shift
	at, self := min(r.end+shift, until), int64(0)
	kids := l.kids[l.firstKid[i]:l.firstKid[i+1]]
	slices.SortFunc(kids, func(x, y int32) int {
		return cmp.Or(cmp.Compare(l.end(y), l.end(x)), l.compare(x, y))
	})
	for first, k := true, 0; k < len(kids) && at > start; k++ {
		kid := kids[k]
		kidStart, kidEnd := l.flow.records[kid].start+l.nodes[kid].shift, l.end(kid)
		if kidStart >= at || kidEnd > at && !first {
			continue
		}
		kidEnd = min(kidEnd, at)
		if kidEnd <= kidStart {
			continue
		}
		first = false
		self += at - kidEnd
		l.follow(kid, kidEnd)
		at = max(kidStart, start)
	}
	l.onPath = append(l.onPath, pathNode{at: i, self: self + max(at-start, 0)})
}

func (l *look) end(i int32) int64 { return l.flow.records[i].end + l.nodes[i].shift }
