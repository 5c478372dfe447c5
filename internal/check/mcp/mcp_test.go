package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newProbe(t *testing.T, s Settings) *Probe {
	t.Helper()
	if s.Client == nil {
		s.Client = &http.Client{Transport: &http.Transport{}}
	}
	p, err := New(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// runOnce runs p and has the engine's promises kept: a reason if and only if
// there is a fault, in one line, without the path and query of the URL.
func runOnce(t *testing.T, p *Probe, timeout time.Duration) check.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r, err := p.Run(ctx)
	require.NoError(t, err)
	require.Equal(t, r.State == check.Healthy, r.ErrorType == check.None)
	require.Equal(t, r.State == check.Healthy, r.Reason == "")
	require.NotContains(t, r.Reason, "\n")
	require.NotContains(t, r.Reason, "secret")
	return r
}

func steps(r check.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

// recorder remembers the HTTP method and the MCP method of each request.
type recorder struct {
	next http.Handler
	mu   sync.Mutex
	seen []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	line := q.Method
	if q.Body != nil {
		var message struct{ Method string }
		body := new(strings.Builder)
		if err := json.NewDecoder(http.MaxBytesReader(w, teeBody{q.Body, body}, 1<<20)).Decode(&message); err == nil {
			line += " " + message.Method
		}
		q.Body = teeBody{strings.NewReader(body.String()), new(strings.Builder)}
	}
	r.mu.Lock()
	r.seen = append(r.seen, line)
	r.mu.Unlock()
	r.next.ServeHTTP(w, q)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// serve runs an MCP server made with the SDK.
func serve(t *testing.T, tools int, stateless bool, versions ...string) (string, *recorder) {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ServerOptions{
		PageSize: 10, SupportedProtocolVersions: versions,
	})
	for i := range tools {
		mcp.AddTool(server, &mcp.Tool{Name: fmt.Sprintf("tool%03d", i), Description: "does nothing"},
			func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
				return &mcp.CallToolResult{}, nil, nil
			})
	}
	r := &recorder{next: mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: stateless})}
	web := httptest.NewServer(r)
	t.Cleanup(func() {
		web.Close()
		for session := range server.Sessions() {
			_ = session.Close()
		}
	})
	return web.URL, r
}

func TestNewEraServerIsDiscovered(t *testing.T) {
	url, requests := serve(t, 25, true)
	p := newProbe(t, Settings{Endpoint: url + "/mcp?key=secret"})
	for range 2 {
		r := runOnce(t, p, 5*time.Second)
		require.Equal(t, check.Healthy, r.State, r.Reason)
		require.Equal(t, []string{"discover", "list"}, steps(r))
		require.Equal(t, []string{"POST server/discover", "POST tools/list", "POST tools/list", "POST tools/list"}, requests.take())
		version := map[string]string{"mcp.protocol.version": "2026-07-28"}
		require.Len(t, r.Measurements, 2)
		require.Equal(t, check.Measurement{Name: "mcp.tools", Value: 25, Attributes: version}, r.Measurements[0])
		require.Equal(t, "mcp.tools.definition_size", r.Measurements[1].Name)
		require.Equal(t, version, r.Measurements[1].Attributes)
		// {"description":"does nothing","inputSchema":{…},"name":"tool000"} of equal lengths
		require.Zero(t, int(r.Measurements[1].Value)%25)
		require.Greater(t, r.Measurements[1].Value, 25*70.0)
	}
}

func TestOldEraServerIsInitializedAndItsSessionEnded(t *testing.T) {
	url, requests := serve(t, 3, false, "2025-06-18")
	p := newProbe(t, Settings{Endpoint: url})

	r := runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, steps(r))
	require.Equal(t, "2025-06-18", r.Measurements[0].Attributes["mcp.protocol.version"])
	require.Equal(t, []string{"POST server/discover", "POST initialize", "POST notifications/initialized", "POST tools/list", "DELETE"}, requests.take())

	r = runOnce(t, p, 5*time.Second)
	require.Equal(t, []string{"initialize", "list"}, steps(r), "the era is remembered")
	require.Equal(t, 3.0, r.Measurements[0].Value)
	require.Equal(t, []string{"POST initialize", "POST notifications/initialized", "POST tools/list", "DELETE"}, requests.take())
}

func TestReferenceServer(t *testing.T) {
	server := peers.MCP(t)
	p := newProbe(t, Settings{Endpoint: "http://" + server.Endpoint + "/mcp", MaxResponseTime: 5 * time.Second})
	r := runOnce(t, p, 10*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, steps(r))
	require.Equal(t, "2025-11-25", r.Measurements[0].Attributes["mcp.protocol.version"])
	require.Greater(t, r.Measurements[0].Value, 5.0)
	require.Greater(t, r.Measurements[1].Value, 1000.0)
	require.Equal(t, []string{"initialize", "list"}, steps(runOnce(t, p, 10*time.Second)))

	server.Freeze()
	start := time.Now()
	r = runOnce(t, p, 300*time.Millisecond)
	require.Less(t, time.Since(start), time.Second)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "initialize at "+server.Endpoint+": no answer in time", r.Reason)
	server.Thaw()
	require.Equal(t, check.Healthy, runOnce(t, p, 10*time.Second).State)

	server.Stop()
	r = runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "initialize at "+server.Endpoint+": the connection was refused or reset", r.Reason)
	server.Start()
	require.Equal(t, check.Healthy, runOnce(t, p, 10*time.Second).State)
}

func TestServerThatMovesToTheOtherEraIsFollowed(t *testing.T) {
	var handler http.Handler
	old := mcp.NewServer(&mcp.Implementation{Name: "old", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: []string{"2025-11-25"}})
	new := mcp.NewServer(&mcp.Implementation{Name: "new", Version: "2"}, &mcp.ServerOptions{SupportedProtocolVersions: []string{"2026-07-28"}})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { handler.ServeHTTP(w, q) }))
	defer web.Close()
	p := newProbe(t, Settings{Endpoint: web.URL})
	for _, test := range []struct {
		server  *mcp.Server
		version string
	}{{old, "2025-11-25"}, {new, "2026-07-28"}, {new, "2026-07-28"}, {old, "2025-11-25"}} {
		handler = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return test.server },
			&mcp.StreamableHTTPOptions{Stateless: test.version == "2026-07-28"})
		r := runOnce(t, p, 5*time.Second)
		require.Equal(t, check.Healthy, r.State, r.Reason)
		require.Equal(t, test.version, r.Measurements[0].Attributes["mcp.protocol.version"])
		require.Equal(t, 0.0, r.Measurements[0].Value)
	}
}

func TestThresholds(t *testing.T) {
	url, _ := serve(t, 25, true)
	r := runOnce(t, newProbe(t, Settings{Endpoint: url, MaxTools: 12}), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, strings.TrimPrefix(url, "http://")+" lists more than 12 tools", r.Reason)
	require.Equal(t, 12.0, r.Measurements[0].Value)

	r = runOnce(t, newProbe(t, Settings{Endpoint: url, MaxResponseTime: time.Nanosecond}), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `answered after \S+s, more than 1ns$`, r.Reason)
}

func TestKnownVersionIsFromAClosedSet(t *testing.T) {
	require.Equal(t, "2024-11-05", knownVersion("2024-11-05"))
	require.Equal(t, "2026-07-28", knownVersion("2026-07-28"))
	require.Equal(t, "other", knownVersion("2099-01-01"))
	require.Equal(t, "other", knownVersion(""))
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, endpoint := range []string{"", "localhost:3001", "ftp://localhost/", "http://", "http://user:secret@%zz/"} {
		_, err := New(Settings{Endpoint: endpoint})
		require.EqualError(t, err, "endpoint: want http:// or https:// and a host")
	}
	_, err := New(Settings{Endpoint: "http://localhost", MaxTools: -1})
	require.EqualError(t, err, "max tools -1: must not be negative")
}
