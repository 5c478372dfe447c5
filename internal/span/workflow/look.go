package workflow

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// look is one look at the whole of a flow: its tree, and the calls in it. It is
// made anew each time, from the records alone, so that the order in which spans
// came cannot matter; its memory is used again.
type look struct {
	flow  *flow
	spans int
	other name // "_OTHER": it failed, and no more is known

	nodes  []node
	order  []int32 // parents first
	path   []int32
	units  []unit
	sorted []int32 // of units, by agent span and time

	firstKid, kids []int32
	onPath         []pathNode
	tools, models  []int32 // of units, of one agent
	spent          []spent

	root     int32 // record of the root, or none
	agent    int32 // the earliest of the top-most agents, or none
	complete bool  // nothing is missing above the root
	orphan   bool  // of a tool, task or model call something above is missing
	agents   map[name]struct{}
}

// node is what a look knows of one record. Indices are of records, or none.
type node struct {
	above              int32
	depth              int32
	workflow, agent    int32 // nearest, itself included
	tool, mcp, a2a     int32 // nearest spans of the kind, itself included, with no boundary between
	model              int32
	toolUp, modelUp    int32 // as above, itself not included
	toolUnit, peerUnit int32 // of units, for spans that show one
	modelUnit          int32
	leaves             int32 // model calls below that count
	lastLeaf           int32 // the last of them that succeeded
	leafTells          bool  // one of them tells its usage
	requests, refused  int32 // HTTP requests within a model call, and those that failed
	shift              int64 // to be added to the emitter's clock
	complete           bool  // nothing is missing above
	failedBelow        bool
	toldAbove          bool // a failure above was reported
	seen               uint8
}

// at looks at f, or does nothing if it did before and no span came since.
func (l *look) at(a *Assembler, f *flow) {
	if l.flow == f && l.spans == len(f.ids) {
		return
	}
	l.flow, l.spans = f, len(f.ids)
	l.units = l.units[:0]
	l.root, l.agent, l.complete, l.orphan = none, none, false, false
	if l.agents == nil {
		l.agents = make(map[name]struct{})
	}
	clear(l.agents)
	l.tree(f)
	for _, i := range l.order {
		l.inherit(a, i)
	}
	l.sumUp()
}

// less orders records in a way that arrival does not change.
func (l *look) less(i, j int32) bool {
	f := l.flow
	si, sj := f.records[i].start+l.nodes[i].shift, f.records[j].start+l.nodes[j].shift
	if si != sj {
		return si < sj
	}
	if di, dj := l.nodes[i].depth, l.nodes[j].depth; di != dj {
		return di < dj
	}
	return bytes.Compare(f.ids[i][:], f.ids[j][:]) < 0
}

// tree finds the parents and an order in which they come first. Of spans that are
// their own ancestors, the earliest is taken for the top.
func (l *look) tree(f *flow) {
	n := len(f.ids)
	l.nodes = slices.Grow(l.nodes[:0], n)[:n]
	l.order = slices.Grow(l.order[:0], n)[:0]
	for i := range l.nodes {
		r := &f.records[i]
		if r.above == none && r.parent != (span.ID{}) && r.parent != f.ids[i] {
			r.above = f.find(r.parent)
		}
		l.nodes[i] = node{
			above: r.above, complete: r.parent == (span.ID{}) || r.parent == f.ids[i],
			toolUnit: none, peerUnit: none, modelUnit: none, lastLeaf: none,
		}
	}
	for i := range int32(n) {
		for !l.climb(i) {
		}
	}
}

// climb appends i and what is above it to the order. It returns false when it has
// cut a circle and must be called again.
func (l *look) climb(i int32) bool {
	const onPath, done = 1, 2
	l.path = l.path[:0]
	for at := i; at != none && l.nodes[at].seen != done; at = l.nodes[at].above {
		if l.nodes[at].seen == onPath {
			l.cut(at)
			for _, p := range l.path {
				l.nodes[p].seen = 0
			}
			return false
		}
		l.nodes[at].seen = onPath
		l.path = append(l.path, at)
	}
	for _, p := range slices.Backward(l.path) {
		l.nodes[p].seen = done
		l.order = append(l.order, p)
	}
	return true
}

func (l *look) cut(at int32) {
	top := at
	for next := l.nodes[at].above; next != at; next = l.nodes[next].above {
		if l.less(next, top) {
			top = next
		}
	}
	l.nodes[top].above = none
	l.nodes[top].complete = true
}

// inherit tells record i what is above it and finds the call that it belongs to.
// Everything above it has been told before.
func (l *look) inherit(a *Assembler, i int32) {
	f, r, v := l.flow, &l.flow.records[i], &l.nodes[i]
	v.workflow, v.agent, v.tool, v.mcp, v.a2a, v.model = none, none, none, none, none, none
	if v.above != none {
		up := &l.nodes[v.above]
		v.depth, v.complete, v.shift = up.depth+1, up.complete, l.shift(i)
		v.workflow, v.agent, v.tool, v.mcp, v.a2a, v.model = up.workflow, up.agent, up.tool, up.mcp, up.a2a, up.model
		v.toldAbove = up.toldAbove || f.records[v.above].flags&(failed|failTold) == failed|failTold
	}
	v.toolUp, v.modelUp = v.tool, v.model
	switch r.typ {
	case span.Workflow:
		if v.workflow == none {
			l.candidate(i)
		}
		v.workflow = i
		v.tool, v.mcp, v.a2a, v.model = none, none, none, none
	case span.Agent:
		if v.agent == none {
			l.candidate(i)
			if l.agent == none || l.less(i, l.agent) {
				l.agent = i
			}
		}
		if n := f.detailOf(i).agent; n != 0 {
			l.agents[n] = struct{}{}
		}
		v.agent = i
		v.tool, v.mcp, v.a2a, v.model = none, none, none, none
	case span.Inference:
		v.tool, v.mcp, v.a2a, v.model = none, none, none, i
	case span.Tool:
		l.toolSpan(a, i)
		if f.detailOf(i).b != 0 {
			l.peerSpan(a, i, &v.mcp, MCPCall)
		}
		v.tool, v.model = i, none
	case span.MCPClient, span.MCPServer:
		if a.names.text[f.detailOf(i).b] == "tools/call" {
			l.toolSpan(a, i)
			v.tool = i
		}
		l.peerSpan(a, i, &v.mcp, MCPCall)
		v.model = none
	case span.A2AClient:
		l.peerSpan(a, i, &v.a2a, A2ASent)
		v.tool, v.mcp, v.model = none, none, none
	case span.A2AServer:
		l.peerSpan(a, i, &v.a2a, A2AReceived)
		v.tool, v.mcp, v.model = none, none, none
	case span.HTTPClient:
		if v.model != none {
			l.nodes[v.model].requests++
			if r.flags&failed != 0 {
				l.nodes[v.model].refused++
			}
		}
	}
	if !v.complete && (r.typ == span.Tool || r.typ == span.Task || r.typ == span.Inference) {
		l.orphan = true
	}
}

// shift returns what to add to the clock of record i so that it begins no earlier
// than what is above it; what a remote peer did is put into the midst of the
// request if it fits.
func (l *look) shift(i int32) int64 {
	r, up := &l.flow.records[i], &l.flow.records[l.nodes[i].above]
	shift := l.nodes[l.nodes[i].above].shift
	start, end := r.start+shift, r.end+shift
	upStart, upEnd := up.start+shift, up.end+shift
	remote := r.kind == span.KindServer && up.kind == span.KindClient
	switch {
	case start >= upStart && (!remote || end <= upEnd || end-start > upEnd-upStart && start <= upEnd):
		return shift
	case remote && end-start <= upEnd-upStart:
		return upStart + (upEnd-upStart-(end-start))/2 - r.start
	default:
		return upStart - r.start
	}
}

// candidate takes record i for the root if it stands above the one known so far.
func (l *look) candidate(i int32) {
	if l.root != none {
		was, is := l.flow.records[l.root].typ, l.flow.records[i].typ
		if was == span.Workflow && is == span.Agent || was == is && l.less(l.root, i) {
			return
		}
	}
	l.root = i
}

// sumUp goes from the leaves to the root, makes a call of every innermost model
// span, and puts the calls in order.
func (l *look) sumUp() {
	f := l.flow
	for _, i := range slices.Backward(l.order) {
		r, v := &f.records[i], &l.nodes[i]
		if v.above != none && (v.failedBelow || r.flags&failed != 0) {
			l.nodes[v.above].failedBelow = true
		}
		if r.typ != span.Inference {
			continue
		}
		if v.leaves == 0 {
			v.leaves, v.leafTells = 1, f.detailOf(i).hasTokens
			if r.flags&failed == 0 {
				v.lastLeaf = i
			}
			v.modelUnit = l.unit(ModelCall, i)
			u := &l.units[v.modelUnit]
			u.latest, u.told, u.failed = r.came, r.flags&modelTold != 0, r.flags&failed != 0
			if u.failed {
				u.errBy = i
			}
		}
		if v.modelUp != none {
			up := &l.nodes[v.modelUp]
			up.leaves += v.leaves
			up.leafTells = up.leafTells || v.leafTells
			if v.lastLeaf != none && (up.lastLeaf == none || l.less(up.lastLeaf, v.lastLeaf)) {
				up.lastLeaf = v.lastLeaf
			}
		}
	}
	l.complete = l.root != none && l.nodes[l.root].complete
	for k := range l.units {
		l.units[k].key = l.key(&l.units[k])
	}
	l.sort()
	l.retries()
}

// key returns what a call must share with another to be its repetition.
func (l *look) key(u *unit) uint64 {
	h := uint64(u.kind) << 32
	switch u.kind {
	case ModelCall:
		d := l.flow.detailOf(u.at)
		h |= uint64(cmp.Or(d.c, d.d))
	case ToolCall:
		if u.nameBy != none {
			h |= uint64(l.flow.detailOf(u.nameBy).a)
		}
		if u.argsBy != none {
			h ^= l.flow.detailOf(u.argsBy).args * 0x9e3779b97f4a7c15
		}
	default:
		if u.nameBy != none {
			h |= uint64(l.flow.detailOf(u.nameBy).a)
		}
		if u.methodBy != none {
			h ^= uint64(l.flow.detailOf(u.methodBy).b) << 40
		}
	}
	return h
}

// sort orders the calls by agent span and time.
func (l *look) sort() {
	f := l.flow
	l.sorted = l.sorted[:0]
	for k := range l.units {
		l.sorted = append(l.sorted, int32(k))
	}
	slices.SortFunc(l.sorted, func(i, j int32) int {
		x, y := &l.units[i], &l.units[j]
		switch {
		case x.agent == y.agent:
		case x.agent == none || y.agent != none && l.less(x.agent, y.agent):
			return -1
		default:
			return 1
		}
		if c := cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.end, y.end)); c != 0 {
			return c
		}
		return cmp.Or(bytes.Compare(f.ids[x.at][:], f.ids[y.at][:]), cmp.Compare(x.kind, y.kind))
	})
}

// retryWithin is how many calls of an agent before another are compared with it.
const retryWithin = 32

// retries finds the calls that repeat a failed one.
func (l *look) retries() {
	for k := len(l.sorted) - 1; k >= 0; k-- {
		u := &l.units[l.sorted[k]]
		for j := k - 1; j >= 0 && j >= k-retryWithin; j-- {
			before := &l.units[l.sorted[j]]
			if before.agent != u.agent {
				break
			}
			if before.key != u.key || before.kind != u.kind {
				continue
			}
			if before.failed && before.end <= u.start {
				u.retry = true
				before.redeemed = !u.failed || u.redeemed
			}
			break
		}
	}
}
