package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// send offers traces over OTLP/HTTP. When it returns, every span is acknowledged.
func (w *watchkeeper) send(t *testing.T, td ptrace.Traces) {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.otlpHTTP+"/v1/traces", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", answer)
	acknowledged := ptraceotlp.NewExportResponse()
	require.NoError(t, acknowledged.UnmarshalProto(answer))
	require.Zero(t, acknowledged.PartialSuccess().RejectedSpans())
}

// numberedTrace makes a trace of n spans whose ids and names follow from its
// number.
func numberedTrace(number byte, n int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "numbered")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("e2e")
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{15: number + 1})
		s.SetSpanID(pcommon.SpanID{6: byte((i + 1) >> 8), 7: byte(i + 1)})
		s.SetName(fmt.Sprintf("span %d of trace %d", i, number))
		s.SetKind(ptrace.SpanKindInternal)
		s.SetStartTimestamp(1_700_000_000_000_000_000)
		s.SetEndTimestamp(1_700_000_001_000_000_000)
	}
	return td
}
