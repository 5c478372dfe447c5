package span

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// told is a span of a capture, what it was taken for, and its place.
type told struct {
	Meaning
	id, parent ID
	trace      TraceID
	name       string
	kind       Kind
	start      int64
	above      *told
	below      []*told
}

// captures returns the trace files of a folder by their names without extension.
func captures(t testing.TB, folder string) map[string]string {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	require.NoError(t, err)
	found := make(map[string]string)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if !strings.HasSuffix(name, ".logs") && !strings.HasSuffix(name, ".metrics") {
			found[name] = file
		}
	}
	require.NotEmpty(t, found)
	return found
}

func readCapture(t testing.TB, file string) ptrace.Traces {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text)
	require.NoError(t, err)
	return td
}

// valueOf is the adapter's part: pdata to Value.
func valueOf(v pcommon.Value) Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return StringOf(v.Str())
	case pcommon.ValueTypeInt:
		return IntOf(v.Int())
	case pcommon.ValueTypeDouble:
		return FloatOf(v.Double())
	case pcommon.ValueTypeBool:
		return BoolOf(v.Bool())
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		return JSONOf(v.AsString())
	}
	return Value{}
}

// load fills a span from pdata as an adapter does.
func load(s *Span, service, scope string, sp ptrace.Span) {
	s.Reset()
	s.TraceID, s.ID, s.ParentID = TraceID(sp.TraceID()), ID(sp.SpanID()), ID(sp.ParentSpanID())
	s.Service, s.Scope, s.Name = service, scope, sp.Name()
	s.Kind, s.Status = Kind(sp.Kind()), Status(sp.Status().Code())
	s.Start, s.End = int64(sp.StartTimestamp()), int64(sp.EndTimestamp())
	for key, v := range sp.Attributes().All() {
		if Known(key) {
			s.Set(key, valueOf(v))
		}
	}
	for _, event := range sp.Events().All() {
		for key, v := range event.Attributes().All() {
			s.SetEvent(event.Name(), key, valueOf(v))
		}
	}
}

// understand classifies every span of a request and joins each to its parent.
func understand(td ptrace.Traces) (roots []*told) {
	var all []*told
	byID := make(map[ID]*told)
	var s Span
	for _, rs := range td.ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				load(&s, service.Str(), ss.Scope().Name(), sp)
				m := &told{
					Meaning: Classify(&s), id: s.ID, parent: s.ParentID, trace: s.TraceID, name: s.Name, kind: s.Kind, start: s.Start,
				}
				all = append(all, m)
				byID[m.id] = m
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *told) int {
		if a.start != b.start {
			return int(a.start - b.start)
		}
		return strings.Compare(string(a.id[:]), string(b.id[:]))
	})
	for _, m := range all {
		if m.above = byID[m.parent]; m.above != nil && m.above.trace == m.trace {
			m.above.below = append(m.above.below, m)
		} else {
			m.above = nil
			roots = append(roots, m)
		}
	}
	return roots
}

// walk calls visit with every span of the trees.
func walk(trees []*told, visit func(*told)) {
	for _, m := range trees {
		visit(m)
		walk(m.below, visit)
	}
}
