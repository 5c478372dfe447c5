package workflow

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// read fills s with what is looked at of sp. Strings are shared, not copied.
func read(s *span.Span, service, scope string, sp ptrace.Span) {
	s.Reset()
	s.TraceID, s.ID, s.ParentID = span.TraceID(sp.TraceID()), span.ID(sp.SpanID()), span.ID(sp.ParentSpanID())
	s.Service, s.Scope, s.Name = service, scope, sp.Name()
	s.Kind, s.Status = span.Kind(sp.Kind()), span.Status(sp.Status().Code())
	s.Start, s.End = int64(sp.StartTimestamp()), int64(sp.EndTimestamp())
	for key, v := range sp.Attributes().All() {
		if value, ok := valueOf(key, v); ok {
			s.Set(key, value)
		}
	}
	for i := range sp.Links().Len() {
		link := sp.Links().At(i)
		s.Links = append(s.Links, span.Link{TraceID: span.TraceID(link.TraceID()), SpanID: span.ID(link.SpanID())})
	}
	for i := range sp.Events().Len() {
		event := sp.Events().At(i)
		for key, v := range event.Attributes().All() {
			if v.Type() == pcommon.ValueTypeStr {
				s.SetEvent(event.Name(), key, span.StringOf(v.Str()))
			}
		}
	}
}

// valueOf makes no JSON of lists and maps that nobody has a use for.
func valueOf(key string, v pcommon.Value) (span.Value, bool) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return span.StringOf(v.Str()), true
	case pcommon.ValueTypeInt:
		return span.IntOf(v.Int()), true
	case pcommon.ValueTypeDouble:
		return span.FloatOf(v.Double()), true
	case pcommon.ValueTypeBool:
		return span.BoolOf(v.Bool()), true
	case pcommon.ValueTypeSlice, pcommon.ValueTypeMap:
		if span.Known(key) {
			return span.JSONOf(v.AsString()), true
		}
	case pcommon.ValueTypeBytes, pcommon.ValueTypeEmpty:
	}
	return span.Value{}, false
}

// write puts a value of the engine into an attribute.
func write(to pcommon.Map, key string, v span.Value) {
	switch v.Kind() {
	case span.StringValue, span.JSONValue:
		to.PutStr(key, v.Text())
	case span.IntValue:
		i, _ := v.Int()
		to.PutInt(key, i)
	case span.FloatValue:
		f, _ := v.Float()
		to.PutDouble(key, f)
	case span.BoolValue:
		b, _ := v.Bool()
		to.PutBool(key, b)
	case span.NoValue:
	}
}
