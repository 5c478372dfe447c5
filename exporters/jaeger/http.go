package jaeger

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

const (
	protobufType = "application/x-protobuf"
	jsonType     = "application/json"
	textType     = "text/plain"
)

// httpTransport speaks OTLP over HTTP, in protobuf.
type httpTransport struct {
	settings  confighttp.ClientConfig
	url       string
	set       component.TelemetrySettings
	userAgent string

	client *http.Client
}

func (t *httpTransport) start(ctx context.Context, host component.Host) error {
	client, err := t.settings.ToClient(ctx, host.GetExtensions(), t.set)
	if err != nil {
		return fmt.Errorf("connecting to Jaeger at %q: %w", t.settings.Endpoint, err)
	}
	// The headers of the configuration go with every request, so that to follow a
	// redirect would give its secrets to whomever the server names.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.client = client
	return nil
}

func (t *httpTransport) export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	none := ptraceotlp.NewExportResponse()
	body, err := request.MarshalProto()
	if err != nil {
		return none, &refusal{refusedMalformed, fmt.Errorf("encoding the spans: %w", err)}
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return none, &refusal{refusedAddress, err}
	}
	post.Header.Set("Content-Type", protobufType)
	post.Header.Set("User-Agent", t.userAgent)

	answer, err := t.client.Do(post)
	if err != nil {
		return none, fmt.Errorf("sending: %w%s", err, httpHint(err))
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer+1))
	response, failure := readAnswer(answer.StatusCode, answer.Header, text, err, time.Now())
	if failure != nil {
		return none, fmt.Errorf("sending to %q: %w", t.url, failure)
	}
	return response, nil
}

func (t *httpTransport) shutdown() error {
	if t.client != nil {
		t.client.CloseIdleConnections()
	}
	return nil
}

// httpHint tells a reader of the log about the mistakes in the address that the
// errors of net/http only circumscribe.
func httpHint(err error) string {
	switch {
	// The first bytes of HTTP/2, a frame of settings.
	case strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`):
		return ": a gRPC server listens there: for OTLP over gRPC leave the scheme out of the endpoint"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return ": the server does not encrypt: begin the endpoint with http://"
	}
	return ""
}
