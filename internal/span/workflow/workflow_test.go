package workflow

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

var epoch = time.Unix(1_700_000_000, 0)

func at(d time.Duration) time.Time { return epoch.Add(d) }

// ledger keeps what a sink was told, as text that can be compared.
type ledger struct {
	calls    []Call
	failures []Failure
	ended    []Summary
	found    []Finding
}

func (l *ledger) Call(c *Call)      { l.calls = append(l.calls, *c) }
func (l *ledger) Failed(f *Failure) { l.failures = append(l.failures, *f) }
func (l *ledger) Found(f *Finding)  { l.found = append(l.found, *f) }
func (l *ledger) Ended(s *Summary) {
	c := *s
	c.Path, c.Findings = slices.Clone(s.Path), slices.Clone(s.Findings)
	l.ended = append(l.ended, c)
}

// counts sums the calls up by what matters to metrics.
func (l *ledger) counts() map[string]int {
	n := make(map[string]int)
	for i := range l.calls {
		c := &l.calls[i]
		switch c.Kind {
		case ToolCall:
			n[fmt.Sprintf("tool %s %v", c.Tool, c.Failed)]++
		case ModelCall:
			n[fmt.Sprintf("model %s %v", c.Model, c.Failed)]++
			n["input"] += int(c.Tokens.Input)
			n["output"] += int(c.Tokens.Output)
		case MCPCall:
			n[fmt.Sprintf("mcp %s %s %v", c.MCPMethod, c.Tool, c.Failed)]++
		case A2ASent:
			n["sent"]++
		case A2AReceived:
			n["received"]++
		case HTTPSent, HTTPServed:
			n["http"]++
		case DatabaseCall:
			n["db"]++
		case CacheCall:
			n["cache"]++
		}
	}
	for i := range l.failures {
		n["failure "+string(l.failures[i].Component)]++
	}
	for i := range l.ended {
		n["workflow "+string(l.ended[i].Outcome)]++
	}
	maps.DeleteFunc(n, func(_ string, v int) bool { return v == 0 })
	return n
}

// given is a span with its meaning.
type given struct {
	s span.Span
	m span.Meaning
}

func traceID(n uint64) (id span.TraceID) {
	binary.BigEndian.PutUint64(id[8:], n+1)
	return id
}

func spanID(n uint64) (id span.ID) {
	binary.BigEndian.PutUint64(id[:], n)
	return id
}

// mk makes span id below parent (0 for none) that lasts from start to end, in
// milliseconds.
func mk(id, parent uint64, typ span.Type, start, end int64, with ...func(*given)) given {
	g := given{
		s: span.Span{
			TraceID: traceID(0), ID: spanID(id), ParentID: spanID(parent),
			Start: epoch.UnixNano() + start*1e6, End: epoch.UnixNano() + end*1e6,
		},
		m: span.Meaning{Type: typ, Cost: -1},
	}
	switch typ {
	case span.MCPClient, span.A2AClient, span.HTTPClient, span.Database:
		g.s.Kind = span.KindClient
	case span.MCPServer, span.A2AServer, span.HTTPServer:
		g.s.Kind = span.KindServer
	default:
		g.s.Kind = span.KindInternal
	}
	for _, w := range with {
		w(&g)
	}
	return g
}

func tool(n string) func(*given)  { return func(g *given) { g.m.Tool = n } }
func args(h uint64) func(*given)  { return func(g *given) { g.m.Arguments = h } }
func agent(n string) func(*given) { return func(g *given) { g.m.Agent = n } }
func named(n string) func(*given) { return func(g *given) { g.m.Workflow = n } }
func model(n string) func(*given) { return func(g *given) { g.m.ResponseModel = n } }
func inTrace(n uint64) func(*given) {
	return func(g *given) { g.s.TraceID = traceID(n) }
}
func tokens(in, out int64) func(*given) {
	return func(g *given) { g.m.Tokens, g.m.HasTokens = span.Tokens{Input: in, Output: out}, true }
}
func fails(err string) func(*given) {
	return func(g *given) { g.m.Failed, g.m.ErrorType = true, err }
}
func method(n string) func(*given) { return func(g *given) { g.m.MCPMethod = n } }
func toolsCall(n string) func(*given) {
	return func(g *given) { g.m.MCPMethod, g.m.Tool = "tools/call", n }
}

// run adds the spans one after the other at once, and lets two hours pass.
func run(t *testing.T, settings Settings, spans ...given) *ledger {
	t.Helper()
	l := &ledger{}
	a := New(settings, l)
	for i := range spans {
		a.Add(epoch, &spans[i].s, &spans[i].m)
	}
	pass(a, 0, 2*time.Hour)
	empty(t, a)
	return l
}

func pass(a *Assembler, from, to time.Duration) {
	for d := from; d <= to; d += time.Second {
		a.Tick(at(d))
	}
}

// empty demands that nothing is kept of what is over.
func empty(t *testing.T, a *Assembler) {
	t.Helper()
	s := a.Stats()
	require.Zero(t, s.Traces)
	require.Zero(t, s.Records)
	require.Empty(t, a.byTrace)
	require.Empty(t, a.byKey)
	a.names.drop(a.look.other)
	defer a.names.again(a.look.other)
	for n, refs := range a.names.refs {
		require.Zero(t, refs, "name %q is still held", a.names.text[n])
	}
}

func sortedKeys[V any](m map[int64]V) []int64 { return slices.Sorted(maps.Keys(m)) }
