package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// jaeger asks a Jaeger through its query API, version 3, which answers in OTLP.
type jaeger struct{ url string }

// trace returns the spans of one trace; none if Jaeger does not know it.
func (j jaeger) trace(ctx context.Context, id pcommon.TraceID) (ptrace.Traces, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.url+"/api/v3/traces/"+id.String(), nil)
	if err != nil {
		return ptrace.Traces{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ptrace.Traces{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return ptrace.Traces{}, err
	}
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return ptrace.NewTraces(), nil
	default:
		return ptrace.Traces{}, fmt.Errorf("jaeger answers %s: %s", response.Status, body)
	}
	var answer struct{ Result json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return ptrace.Traces{}, err
	}
	return (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(answer.Result)
}
