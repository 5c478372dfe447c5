package otlp

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/protobuf/encoding/protowire"
)

// read returns what a request tells; its encoding shows in its first byte.
func read(signal Signal, body []byte) (got []Resource, err error) {
	r := Reader{
		Wanted: map[string]bool{"service.name": true, "service.instance.id": true, "env": true},
		Yield: func(one *Resource) {
			copied := *one
			copied.Attributes = maps.Clone(one.Attributes)
			got = append(got, copied)
		},
	}
	if bytes.HasPrefix(body, []byte("{")) {
		err = r.JSON(signal, body)
	} else {
		err = r.Protobuf(signal, body)
	}
	return got, err
}

func describe(r pcommon.Resource, service, instance string) {
	r.Attributes().PutStr("service.name", service)
	r.Attributes().PutStr("service.instance.id", instance)
	r.Attributes().PutStr("host.name", "unwanted")
	r.Attributes().PutInt("env", 7)
	r.Attributes().PutEmptyMap("nested").PutEmptySlice("list").AppendEmpty().SetStr("deep")
}

// requests are what exporters send: each signal in both encodings.
func requests(t testing.TB) map[Signal][2][]byte {
	t.Helper()
	encoded := func(protobuf, json func() ([]byte, error)) [2][]byte {
		p, err := protobuf()
		require.NoError(t, err)
		j, err := json()
		require.NoError(t, err)
		return [2][]byte{p, j}
	}
	td := ptrace.NewTraces()
	first := td.ResourceSpans().AppendEmpty()
	describe(first.Resource(), "planner", "a")
	for _, end := range []pcommon.Timestamp{10, 30, 0, 20} {
		span := first.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetName("work")
		span.SetEndTimestamp(end)
		span.Attributes().PutStr("endTimeUnixNano", "99")
		span.Events().AppendEmpty().SetTimestamp(99)
	}
	describe(td.ResourceSpans().AppendEmpty().Resource(), "sent nothing", "b")
	open := td.ResourceSpans().AppendEmpty()
	describe(open.Resource(), "worker", "c")
	open.ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetStartTimestamp(5)

	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	describe(rm.Resource(), "planner", "a")
	for range 2 {
		m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		m.SetName("m")
		m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(1)
	}
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	describe(rl.Resource(), "planner", "a")
	rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("a secret")

	traces, metrics, logs := ptraceotlp.NewExportRequestFromTraces(td), pmetricotlp.NewExportRequestFromMetrics(md), plogotlp.NewExportRequestFromLogs(ld)
	return map[Signal][2][]byte{
		Traces:  encoded(traces.MarshalProto, traces.MarshalJSON),
		Metrics: encoded(metrics.MarshalProto, metrics.MarshalJSON),
		Logs:    encoded(logs.MarshalProto, logs.MarshalJSON),
	}
}

func TestWhatExportersSendIsUnderstoodInBothEncodings(t *testing.T) {
	planner := map[string]string{"service.name": "planner", "service.instance.id": "a"}
	want := map[Signal][]Resource{
		Traces: {
			{Attributes: planner, Items: 4, Ended: 30},
			{Attributes: map[string]string{"service.name": "worker", "service.instance.id": "c"}, Items: 1},
		},
		Metrics: {{Attributes: planner, Items: 2}},
		Logs:    {{Attributes: planner, Items: 1}},
	}
	for signal, bodies := range requests(t) {
		for _, body := range bodies {
			got, err := read(signal, body)
			require.NoError(t, err)
			require.Equal(t, want[signal], got)
		}
	}
}

func TestTheOrderOfKeysAndNullsDoNotMatter(t *testing.T) {
	got, err := read(Traces, []byte(`{"later": [{"x": [1, {"y": 2}]}], "resourceSpans": [
		{"scopeSpans": [{"spans": [{"endTimeUnixNano": 7, "links": null}, null], "scope": {}}, null], "schemaUrl": "u",
		 "resource": {"attributes": [{"value": {"stringValue": "planner"}, "key": "service.name"}, {"key": "env", "value": {"stringValue": null}},
		   {"key": "env", "value": {"arrayValue": {"values": [{"stringValue": "no"}]}}}, {"key": "host", "value": null}]}},
		{"scopeSpans": null}]}`))
	require.NoError(t, err)
	require.Equal(t, []Resource{{Attributes: map[string]string{"service.name": "planner"}, Items: 2, Ended: 7}}, got)
	for _, empty := range []string{"{}", `{"resourceSpans": null}`, ""} {
		got, err = read(Traces, []byte(empty))
		require.NoError(t, err)
		require.Empty(t, got)
	}
}

func TestWhatIsNoRequestIsMalformed(t *testing.T) {
	f := func(signal Signal, body string) {
		t.Helper()
		_, err := read(signal, []byte(body))
		require.ErrorIs(t, err, ErrMalformed)
	}
	for _, body := range []string{
		`{`, `{"resourceSpans"`, `{"resourceSpans": 1}`, `{"resourceSpans": [1]}`, `{"resourceSpans": {}}`, `{"resourceSpans": [{"resource": []}]}`,
		`{"resourceSpans": [{"scopeSpans": [{"spans": [{"endTimeUnixNano": "soon"}]}]}]}`,
		`{"resourceSpans": [{"scopeSpans": [{"spans": [{"endTimeUnixNano": -1}]}]}]}`,
		`{"resourceSpans": [{"scopeSpans": [{"spans": [{"endTimeUnixNano": `, `{} {}`, `{"a": nonsense}`, "{\"a\": \"\x00\"}",
	} {
		f(Traces, body)
	}
	f(Logs, "\x0a")             // a length without its bytes
	f(Logs, "\x0a\x05ab")       // too few of them
	f(Logs, "\x0b\x0c")         // a group
	f(Logs, "\x00\x00")         // field 0
	f(Logs, "\x0a\x02\x0a\x07") // the same within a batch
	f(Metrics, strings.Repeat("\xff", 20))
}

// Senders hurt decoders with values nested deeply and with many empty messages.
func TestHostileRequestsCostNoMoreThanTheirBytes(t *testing.T) {
	deep := []byte{}
	for range 100_000 {
		deep = append(protowire.AppendVarint([]byte{5<<3 | 2}, uint64(len(deep))), deep...)
		if len(deep) > 64<<10 {
			break
		}
	}
	keyValue := append([]byte{2<<3 | 2}, protowire.AppendBytes(nil, deep)...)
	resource := append([]byte{1<<3 | 2}, protowire.AppendBytes(nil, keyValue)...)
	batch := append([]byte{1<<3 | 2}, protowire.AppendBytes(nil, resource)...)
	empty := append([]byte{2<<3 | 2}, protowire.AppendBytes(nil, bytes.Repeat([]byte{2<<3 | 2, 0}, 1<<20))...)
	for name, body := range map[string][]byte{
		"nested values": append([]byte{1<<3 | 2}, protowire.AppendBytes(nil, batch)...),
		"empty spans":   append([]byte{1<<3 | 2}, protowire.AppendBytes(nil, empty)...),
		"empty batches": bytes.Repeat([]byte{1<<3 | 2, 0}, 1<<20),
	} {
		r := Reader{}
		allocated := testing.AllocsPerRun(1, func() { require.NoError(t, r.Protobuf(Traces, body)) })
		require.Less(t, allocated, 50.0, name)
	}

	for _, body := range []string{
		`{"resourceSpans": ` + strings.Repeat("[", 1<<20),
		`{"x": ` + strings.Repeat(`{"a":`, 1<<19),
		`{"resourceSpans": [{"resource": {"attributes": [{"key": "k", "value": ` + strings.Repeat(`{"arrayValue":{"values":[`, 1<<17),
	} {
		_, err := read(Traces, []byte(body))
		require.ErrorIs(t, err, ErrMalformed)
		require.ErrorContains(t, err, "nested too deeply")
	}
	long := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[{}]}]}]}`,
		strings.Repeat("x", maxValue+1))
	got, err := read(Traces, []byte(long))
	require.NoError(t, err)
	require.Equal(t, []Resource{{Attributes: map[string]string{}, Items: 1}}, got)
}

func FuzzRequests(f *testing.F) {
	for signal, bodies := range requests(f) {
		for _, body := range bodies {
			f.Add(uint8(signal), body)
		}
	}
	f.Add(uint8(0), []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"endTimeUnixNano":"1"}]}]}]}`))
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		signal := Signal(kind % 3)
		got, err := read(signal, body)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		for _, r := range got {
			require.Positive(t, r.Items)
			require.LessOrEqual(t, len(r.Attributes), 3)
		}
		if bytes.HasPrefix(body, []byte("{")) || len(body) > 1<<10 {
			return
		}
		// What the full decoder takes, this one reads in the same way.
		decoded := ptraceotlp.NewExportRequest()
		if signal != Traces || decoded.UnmarshalProto(body) != nil {
			return
		}
		spans := 0
		for _, r := range got {
			spans += r.Items
		}
		require.Equal(t, decoded.Traces().SpanCount(), spans)
	})
}

func BenchmarkProtobuf(b *testing.B) {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	describe(rs.Resource(), "planner", "a")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range 1000 {
		span := spans.AppendEmpty()
		span.SetName("chat gpt")
		span.SetEndTimestamp(pcommon.Timestamp(i))
		for k := range 10 {
			span.Attributes().PutStr(fmt.Sprintf("gen_ai.attribute.%d", k), "a value of some length")
		}
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	require.NoError(b, err)
	r := Reader{Wanted: map[string]bool{"service.name": true}}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Protobuf(Traces, body); err != nil {
			b.Fatal(err)
		}
	}
}
