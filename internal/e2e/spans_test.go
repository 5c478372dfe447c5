package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// spanKey names a span among all that there are.
type spanKey struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
}

// plainSpan is what of a span every store must give back unchanged: content is
// left out, because it is removed on the way. Jaeger keeps arrays and maps as JSON
// text, so of these only the key is compared.
type plainSpan struct {
	Service, Scope, Name string
	Parent               string
	Kind                 ptrace.SpanKind
	Start, End           pcommon.Timestamp
	Status               ptrace.StatusCode
	Attributes           map[string]string
	Events               []string
}

// present stands for the value of an attribute that is not compared.
const present = "(present)"

// comparable leaves out what was added on the way, and the values of attributes
// that want does not compare.
func (p plainSpan) comparable(want plainSpan) plainSpan {
	for key := range p.Attributes {
		if _, ok := want.Attributes[key]; !ok {
			delete(p.Attributes, key)
		}
	}
	for key, value := range want.Attributes {
		if _, ok := p.Attributes[key]; ok && value == present {
			p.Attributes[key] = present
		}
	}
	return p
}

func plain(td ptrace.Traces) map[spanKey]plainSpan {
	found := make(map[spanKey]plainSpan)
	for _, rs := range td.ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				p := plainSpan{
					Service: service.AsString(), Scope: ss.Scope().Name(), Name: s.Name(),
					Kind: s.Kind(), Start: s.StartTimestamp(), End: s.EndTimestamp(),
					Status: s.Status().Code(), Attributes: make(map[string]string),
				}
				if !s.ParentSpanID().IsEmpty() {
					p.Parent = s.ParentSpanID().String()
				}
				for key, value := range s.Attributes().All() {
					if span.Content(key) {
						continue
					}
					switch value.Type() {
					case pcommon.ValueTypeSlice, pcommon.ValueTypeMap, pcommon.ValueTypeBytes, pcommon.ValueTypeEmpty:
						p.Attributes[key] = present
					default:
						p.Attributes[key] = value.AsString()
					}
				}
				for _, e := range s.Events().All() {
					p.Events = append(p.Events, e.Name())
				}
				found[spanKey{s.TraceID(), s.SpanID()}] = p
			}
		}
	}
	return found
}

// captures returns the captured traces of agent frameworks by the name of the
// file.
func captures(t *testing.T) map[string]ptrace.Traces {
	t.Helper()
	files, err := filepath.Glob("../../testdata/otlp/*.json")
	require.NoError(t, err)
	found := make(map[string]ptrace.Traces)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if strings.Contains(name, ".") { // the other signals
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text)
		require.NoError(t, err)
		found[name] = td
	}
	require.NotEmpty(t, found)
	return found
}
