package mcp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
)

// teeBody is a request body that copies what is read.
type teeBody struct {
	io.Reader
	copy *strings.Builder
}

func (b teeBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.copy.Write(p[:n])
	return n, err
}

func (teeBody) Close() error { return nil }

func TestMisbehavingServers(t *testing.T) {
	answer := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Location", "/elsewhere?key=secret")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	hang := func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done()
	}
	drip := func(contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.Copy(io.Discard, q.Body)
			w.Header().Set("Content-Type", contentType)
			for q.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-q.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
		}
	}
	huge := `{"jsonrpc":"2.0","id":1,"result":"` + strings.Repeat("x", maxRead) + `"}`
	deep := `{"jsonrpc":"2.0","id":1,"result":` + strings.Repeat("[", 1<<20) + `}`
	const notMCP = "the answer is not one that MCP allows"
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		kind    check.ErrorType
		cause   string
	}{
		"never answers":      {hang, check.Timeout, "no answer in time"},
		"drips JSON":         {drip("application/json"), check.Timeout, "no answer in time"},
		"drips events":       {drip("text/event-stream"), check.Timeout, "no answer in time"},
		"wrong JSON":         {answer(200, "application/json", "{]"), check.Protocol, notMCP},
		"other JSON":         {answer(200, "application/json", `{"status":"up"}`), check.Protocol, notMCP},
		"web page":           {answer(200, "text/html", "<html>secret</html>"), check.Protocol, notMCP},
		"nothing":            {answer(200, "application/json", ""), check.Protocol, notMCP},
		"no event":           {answer(200, "text/event-stream", ""), check.Protocol, notMCP},
		"unauthorized":       {answer(401, "text/plain", "who are you? secret"), check.Auth, "the server does not let us in: status 401"},
		"forbidden":          {answer(403, "text/plain", "secret"), check.Auth, "the server does not let us in: status 403"},
		"redirect":           {answer(307, "text/plain", ""), check.Protocol, "the server answered with status 307"},
		"not found":          {answer(404, "text/plain", ""), check.Protocol, "the server answered with status 404"},
		"broken":             {answer(500, "text/plain", "secret"), check.Protocol, "the server answered with status 500"},
		"overloaded":         {answer(503, "text/plain", "secret"), check.Protocol, "the server answered with status 503"},
		"huge answer":        {answer(200, "application/json", huge), check.Protocol, "the answers are larger than 4 MiB"},
		"huge event":         {answer(200, "text/event-stream", "data: "+huge+"\n\n"), check.Protocol, "the answers are larger than 4 MiB"},
		"deeply nested JSON": {answer(200, "application/json", deep), check.Protocol, "the answer is nested deeper than 128 levels"},
		"JSON-RPC error": {answer(400, "application/json",
			`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"secret"}}`), check.Protocol, "the server answered with JSON-RPC error -32601"},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(test.handler)
			defer web.Close()
			p := newProbe(t, Settings{Endpoint: web.URL + "/?key=secret"})
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := runOnce(t, p, timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Contains(t, r.Reason, " at "+strings.TrimPrefix(web.URL, "http://")+": ")
			require.Equal(t, test.cause, r.Reason[strings.LastIndex(r.Reason, test.cause[:3]):])
			require.Equal(t, test.kind, r.ErrorType)
		})
	}
}

func TestSessionIsEndedAlsoWhenTheListNeverComes(t *testing.T) {
	ended := make(chan string, 1)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		switch {
		case q.Method == http.MethodDelete:
			ended <- q.Header.Get("Mcp-Session-Id")
		case strings.Contains(string(body), `"server/discover"`):
			w.WriteHeader(http.StatusBadRequest)
		case strings.Contains(string(body), `"initialize"`):
			w.Header().Set("Mcp-Session-Id", "session")
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-11-25",`+
				`"capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}`)
		case strings.Contains(string(body), `"notifications/`):
			w.WriteHeader(http.StatusAccepted)
		default:
			<-q.Context().Done()
		}
	}))
	defer web.Close()
	p := newProbe(t, Settings{Endpoint: web.URL})
	r := runOnce(t, p, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "tools/list at "+strings.TrimPrefix(web.URL, "http://")+": no answer in time", r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, requests(r))
	require.Equal(t, "session", <-ended)
}

func TestCanceledRunEndsSoon(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		<-q.Context().Done()
	}))
	defer web.Close()
	p := newProbe(t, Settings{Endpoint: web.URL})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	r := checktest.Until(ctx, t, p)
	require.Equal(t, check.Timeout, r.ErrorType)
}
