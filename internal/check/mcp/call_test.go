package mcp

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// serveTools serves tools over HTTP in the new era.
func serveTools(t *testing.T) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	addTools(server)
	web := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(web.Close)
	return web.URL
}

func TestCanary(t *testing.T) {
	url := serveTools(t)
	hello := map[string]any{"message": "hello"}
	for name, test := range map[string]struct {
		canary Canary
		kind   check.ErrorType
		reason string
	}{
		"called":             {Canary{Tool: "echo", Arguments: hello}, check.None, ""},
		"no arguments":       {Canary{Tool: "count"}, check.None, ""},
		"contains":           {Canary{Tool: "echo", Arguments: hello, Contains: "said:\nhello"}, check.None, ""},
		"matches":            {Canary{Tool: "echo", Arguments: hello, Regex: regexp.MustCompile(`(?m)^hel+o$`)}, check.None, ""},
		"structured":         {Canary{Tool: "count", Contains: `"total":42`}, check.None, ""},
		"does not contain":   {Canary{Tool: "echo", Arguments: hello, Contains: "secret"}, check.Assertion, `tool "echo" at HOST: the answer does not contain the expected text`},
		"does not match":     {Canary{Tool: "echo", Arguments: hello, Contains: "hello", Regex: regexp.MustCompile(`^secret`)}, check.Assertion, `tool "echo" at HOST: the answer does not match the expected pattern`},
		"fails":              {Canary{Tool: "fail"}, check.ToolError, `tool "fail" at HOST: the tool says that it failed`},
		"unknown":            {Canary{Tool: "none"}, check.Protocol, `tools/call at HOST: the server answered with JSON-RPC error -32602`},
		"does not come back": {Canary{Tool: "wait"}, check.Timeout, `tools/call at HOST: no answer in time`},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 300 * time.Millisecond
			}
			p := newProbe(t, Settings{Endpoint: url, Canary: &test.canary})
			r := runOnce(t, p, timeout)
			require.Equal(t, []string{"discover", "list", "call"}, requests(r))
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
			require.Equal(t, strings.ReplaceAll(test.reason, "HOST", strings.TrimPrefix(url, "http://")), r.Reason)
			require.Equal(t, test.kind != check.None, r.State == check.Unhealthy)
			require.Equal(t, 5.0, value(t, r, "mcp.tools").Value, "the tools are known, whatever the canary says")
		})
	}
}

func TestCanaryThatAsksBack(t *testing.T) {
	web := httptest.NewServer(scripted{"tools/call": func(w http.ResponseWriter, _ *http.Request, id string) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answerTo(id, `{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"message":"secret","mode":"form","requestedSchema":{"type":"object"}}}}}`)))
	}})
	defer web.Close()
	r := runOnce(t, newProbe(t, Settings{Endpoint: web.URL, Canary: &Canary{Tool: "a"}}), 5*time.Second)
	require.Equal(t, check.Assertion, r.ErrorType, r.Reason)
	require.Equal(t, `tool "a" at `+strings.TrimPrefix(web.URL, "http://")+": the tool asks back instead of answering", r.Reason)
}
