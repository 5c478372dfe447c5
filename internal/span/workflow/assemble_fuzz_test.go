package workflow

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// grower makes random traces of which is known by construction what is in them.
type grower struct {
	r     *rand.Rand
	spans []given
	want  map[string]int
	clock int64
	trace uint64
}

func (g *grower) span(parent uint64, typ span.Type, with ...func(*given)) uint64 {
	g.clock += int64(g.r.IntN(5))
	// Clocks of some hosts are wrong, and ends are arbitrary: counts must not care.
	start := g.clock + int64(g.r.IntN(200)) - 100
	id := uint64(len(g.spans) + 1)
	g.spans = append(g.spans, mk(id, parent, typ, start, start+int64(g.r.IntN(50)), append(with, inTrace(g.trace))...))
	return id
}

// between puts spans that mean nothing in between now and then.
func (g *grower) between(parent uint64) uint64 {
	for g.r.IntN(3) == 0 {
		switch g.r.IntN(3) {
		case 0:
			parent = g.span(parent, span.Other)
		case 1:
			parent = g.span(parent, span.HTTPClient)
			g.want["http"]++
		default:
			parent = g.span(parent, span.HTTPServer)
			g.want["http"]++
		}
	}
	return parent
}

func (g *grower) work(parent uint64, depth int) {
	for range 1 + g.r.IntN(4) {
		switch g.r.IntN(8) {
		case 0, 1, 2:
			g.tool(g.between(parent), depth)
		case 3, 4:
			g.model(g.between(parent))
		case 5:
			g.span(g.between(parent), span.Database)
			g.want["db"]++
		case 6:
			g.message(g.between(parent), depth)
		default:
			if depth > 0 {
				g.work(g.span(g.between(parent), span.Agent, agent(fmt.Sprint("agent", depth))), depth-1)
			}
		}
	}
}

// tool is one tool call in a random number of layers, of which the inner ones may
// fail; below it another agent may be at work.
func (g *grower) tool(parent uint64, depth int) {
	n := fmt.Sprintf("tool%d", g.r.IntN(4))
	type layer struct {
		typ   span.Type
		label string
	}
	var layers []layer
	add := func(typ span.Type, label string) { layers = append(layers, layer{typ, label}) }
	over := g.r.IntN(2) == 0
	if !over || g.r.IntN(2) == 0 {
		add(span.Tool, n)
		if g.r.IntN(4) == 0 {
			add(span.Tool, n)
		}
	}
	requests := 0
	if over {
		if client := g.r.IntN(3) > 0; client {
			add(span.MCPClient, []string{n, ""}[g.r.IntN(2)])
			requests = 1
		}
		if len(layers) == 0 || layers[len(layers)-1].typ == span.Tool || g.r.IntN(3) > 0 {
			add(span.MCPServer, n)
			requests = 1
		}
		if g.r.IntN(4) == 0 && requests == 1 && layers[len(layers)-1].typ == span.MCPServer {
			add(span.MCPClient, n) // a proxy
			requests++
		}
	}
	if layers[0].label == "" {
		layers[0].label = n
	}
	// From this layer outwards it fails, except for layers that hide it.
	from := -1
	if g.r.IntN(3) == 0 {
		from = g.r.IntN(len(layers))
	}
	failing := make([]int, 0, 2)
	request := 0
	at := parent
	for k, l := range layers {
		at = g.between(at)
		with := []func(*given){tool(l.label)}
		if l.typ != span.Tool {
			with = append(with, method("tools/call"))
			// A client below a server is the next request.
			if l.typ == span.MCPClient && k > 0 && layers[k-1].typ == span.MCPServer {
				request++
			}
		}
		if k <= from && (k == from || g.r.IntN(4) > 0) {
			with = append(with, fails("boom"))
			if l.typ != span.Tool {
				failing = append(failing, request)
			}
		}
		at = g.span(at, l.typ, with...)
	}
	g.want[fmt.Sprintf("tool %s %v", n, from >= 0)]++
	for q := range requests {
		bad := false
		for _, f := range failing {
			bad = bad || f == q
		}
		g.want[fmt.Sprintf("mcp tools/call %s %v", n, bad)]++
	}
	if from >= 0 {
		c := component(layers[from].typ)
		g.want["failure "+string(c)]++
	} else if depth > 0 && g.r.IntN(5) == 0 {
		g.work(g.span(at, span.Agent, agent("delegate")), depth-1)
	}
}

// model is one model call in its wrappers, or several in one.
func (g *grower) model(parent uint64) {
	in, out := int64(g.r.IntN(1000)), int64(g.r.IntN(100))
	switch g.r.IntN(4) {
	case 0:
		g.span(parent, span.Inference, model("m"), tokens(in, out))
	case 1: // told twice
		w := g.span(parent, span.Inference, model("m"), tokens(in, out))
		g.span(g.between(w), span.Inference, model("m"), tokens(in, out))
	case 2: // told by the wrapper
		w := g.span(parent, span.Inference, model("m"), tokens(in, out))
		g.span(g.span(w, span.Inference), span.Inference)
	default:
		w := g.span(parent, span.Inference, tokens(2*in, 2*out))
		for range 2 {
			g.span(g.span(w, span.Task), span.Inference, model("m"), tokens(in, out))
			g.want["model m false"]++
		}
		in, out = 2*in, 2*out
		g.want["model m false"]--
	}
	g.want["model m false"]++
	g.want["input"] += int(in)
	g.want["output"] += int(out)
}

// message is an A2A message, perhaps seen from both sides, with an agent behind.
func (g *grower) message(parent uint64, depth int) {
	at := parent
	if g.r.IntN(3) > 0 {
		at = g.span(at, span.A2AClient)
		g.want["sent"]++
		at = g.between(at)
	} else {
		g.span(g.between(at), span.A2AServer)
		g.want["received"]++
		return
	}
	if g.r.IntN(2) == 0 {
		at = g.span(at, span.A2AServer)
		g.want["received"]++
		if depth > 0 {
			g.work(g.span(at, span.Agent, agent("remote")), depth-1)
		}
	}
}

// deliver adds the spans in a random order in random batches within Settle.
func deliver(r *rand.Rand, settings Settings, spans []given) *ledger {
	l := &ledger{}
	a := New(settings, l)
	var now time.Duration
	for _, i := range r.Perm(len(spans)) {
		if left := settings.Settle - now - time.Millisecond; left > 0 && r.IntN(6) == 0 {
			now += time.Duration(r.Int64N(int64(left)/4 + 1))
			a.Tick(at(now))
		}
		s := spans[i]
		a.Add(at(now), &s.s, &s.m)
	}
	for range 90 {
		now += time.Second
		a.Tick(at(now))
	}
	a.Close(at(now))
	return l
}

func grow(seed uint64) *grower {
	g := &grower{r: rand.New(rand.NewPCG(seed, 1)), want: make(map[string]int)}
	g.work(g.span(0, span.Workflow, named("w")), 3)
	return g
}

func check(t *testing.T, seed, order uint64) {
	g := grow(seed)
	want := maps.Clone(g.want)
	maps.DeleteFunc(want, func(_ string, v int) bool { return v == 0 })
	l := deliver(rand.New(rand.NewPCG(seed, order)), DefaultSettings(), g.spans)
	require.Len(t, l.ended, 1)
	s := l.ended[0]
	require.Equal(t, spanID(1), s.Root)
	require.Equal(t, len(g.spans), s.Spans)
	tools, models, mcp, failures := 0, 0, 0, 0
	for i := range l.calls {
		switch l.calls[i].Kind {
		case ToolCall:
			tools++
		case ModelCall:
			models++
		case MCPCall:
			mcp++
		}
	}
	failures = len(l.failures)
	require.Equal(t, []int{tools, models, mcp, failures}, []int{s.ToolCalls, s.ModelCalls, s.MCPCalls, s.Failures})
	require.Equal(t, want["input"], int(s.Tokens.Input))
	got := l.counts()
	maps.DeleteFunc(got, func(k string, _ int) bool { return len(k) > 9 && k[:9] == "workflow " })
	require.Equal(t, want, got)
}

func FuzzAssemble(f *testing.F) {
	f.Add(uint64(1), uint64(1))
	f.Add(uint64(2), uint64(77))
	f.Fuzz(func(t *testing.T, seed, order uint64) { check(t, seed, order) })
}

func TestTheOrderOfArrivalChangesNothing(t *testing.T) {
	for seed := range uint64(20) {
		var first *ledger
		g := grow(seed)
		for order := range uint64(200) {
			l := deliver(rand.New(rand.NewPCG(seed, order)), DefaultSettings(), g.spans)
			require.Len(t, l.ended, 1)
			if first == nil {
				first = l
				continue
			}
			require.Equal(t, first.counts(), l.counts())
			require.Equal(t, first.ended, l.ended)
		}
	}
}

func TestRandomWorkflowsAreCountedAsTheyWereMade(t *testing.T) {
	for seed := range uint64(2000) {
		check(t, seed, seed)
	}
}
