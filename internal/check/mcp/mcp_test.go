package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

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
	r := checktest.Run(t, p, timeout)
	require.Equal(t, r.State == check.Healthy, r.ErrorType == check.None)
	require.Equal(t, r.State == check.Healthy, r.Reason == "")
	require.NotContains(t, r.Reason, "\n")
	require.NotContains(t, r.Reason, "secret")
	return r
}

// value returns the measurement of that name; there must be one.
func value(t *testing.T, r check.Result, name string) check.Measurement {
	t.Helper()
	i := slices.IndexFunc(r.Measurements, func(m check.Measurement) bool { return m.Name == name })
	require.GreaterOrEqual(t, i, 0, "no %s in %v", name, r.Measurements)
	return r.Measurements[i]
}

func steps(r check.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

// requests returns the steps that are requests. Whether a connection was still to
// be had is a matter of how fast the answer before was read.
func requests(r check.Result) []string {
	return slices.DeleteFunc(steps(r), func(step string) bool { return step == "connect" })
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
	url, seen := serve(t, 25, true)
	p := newProbe(t, Settings{Endpoint: url + "/mcp?key=secret"})
	for i := range 2 {
		r := runOnce(t, p, 5*time.Second)
		require.Equal(t, check.Healthy, r.State, r.Reason)
		if i == 0 {
			require.Equal(t, "connect", r.Steps[0].Name)
		}
		require.Equal(t, []string{"discover", "list"}, requests(r))
		require.Equal(t, []string{"POST server/discover", "POST tools/list", "POST tools/list", "POST tools/list"}, seen.take())

		version := map[string]string{"mcp.protocol.version": "2026-07-28"}
		size := value(t, r, "mcp.tools.definition_size")
		// {"description":"does nothing","inputSchema":{…},"name":"tool000"} of equal lengths
		require.Zero(t, int(size.Value)%25)
		require.Greater(t, size.Value, 25*70.0)
		difference := func(kind string) check.Measurement {
			return check.Measurement{Name: "mcp.contract.differences", Attributes: map[string]string{"mcp.contract.change": kind}}
		}
		require.Equal(t, []check.Measurement{
			{Name: "mcp.protocol.info", Value: 1, Attributes: map[string]string{"mcp.protocol.version": "2026-07-28", "mcp.protocol.era": "stateless"}},
			{Name: "mcp.tools", Value: 25, Attributes: version},
			{Name: "mcp.tools.definition_size", Value: size.Value, Attributes: version},
			{Name: "mcp.tools.definition_tokens", Value: math.Ceil(size.Value / 4), Attributes: version},
			difference("added"), difference("removed"), difference("breaking"), difference("description"), difference("schema"),
		}, r.Measurements)
	}
}

func TestOldEraServerIsInitializedAndItsSessionEnded(t *testing.T) {
	url, seen := serve(t, 3, false, "2025-06-18")
	p := newProbe(t, Settings{Endpoint: url})

	r := runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, requests(r))
	require.Equal(t, "2025-06-18", value(t, r, "mcp.tools").Attributes["mcp.protocol.version"])
	require.Equal(t, []string{"POST server/discover", "POST initialize", "POST notifications/initialized", "POST tools/list", "DELETE"}, seen.take())

	r = runOnce(t, p, 5*time.Second)
	require.Equal(t, []string{"initialize", "list"}, requests(r), "the era is remembered")
	require.Equal(t, 3.0, value(t, r, "mcp.tools").Value)
	require.Equal(t, []string{"POST initialize", "POST notifications/initialized", "POST tools/list", "DELETE"}, seen.take())
}

func TestReferenceServer(t *testing.T) {
	server := peers.MCP(t)
	p := newProbe(t, Settings{Endpoint: "http://" + server.Endpoint + "/mcp", MaxResponseTime: 5 * time.Second})
	r := runOnce(t, p, 10*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, requests(r))
	require.Equal(t, "2025-11-25", value(t, r, "mcp.tools").Attributes["mcp.protocol.version"])
	require.Greater(t, value(t, r, "mcp.tools").Value, 5.0)
	require.Greater(t, value(t, r, "mcp.tools.definition_size").Value, 1000.0)
	require.Equal(t, []string{"initialize", "list"}, requests(runOnce(t, p, 10*time.Second)))

	server.Freeze()
	r = runOnce(t, p, 300*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "initialize at "+server.Endpoint+": no answer in time", r.Reason)
	server.Thaw()
	require.Equal(t, check.Healthy, runOnce(t, p, 10*time.Second).State)

	server.Stop()
	r = runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Refused, r.ErrorType, "a connection that was left by an earlier run and ended is not held against the server")
	require.Equal(t, "connect at "+server.Endpoint+": the connection was refused or reset", r.Reason)
	server.Start()
	require.Equal(t, check.Healthy, runOnce(t, p, 10*time.Second).State)
}

// A server that is restarted ends the connection that the last run has left, and
// the client may notice only after it has sent the next request.
func TestConnectionThatEndsUnderARequestIsNotHeldAgainstTheServer(t *testing.T) {
	for _, method := range []string{"server/discover", "tools/list", "tools/call"} {
		t.Run(method, func(t *testing.T) {
			var asked, drops atomic.Int64
			answers := scripted{}
			web := httptest.NewServer(scripted{method: func(w http.ResponseWriter, q *http.Request, id string) {
				asked.Add(1)
				if drops.Add(-1) >= 0 {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err == nil {
						_ = conn.Close()
					}
					return
				}
				q.Body = io.NopCloser(strings.NewReader(`{"id":` + id + `,"method":"` + method + `"}`))
				answers.ServeHTTP(w, q)
			}})
			defer web.Close()
			p := newProbe(t, Settings{Endpoint: web.URL, Protocol: "2026-07-28", Canary: &Canary{Tool: "a"}})
			r := runOnce(t, p, 5*time.Second)
			require.Equal(t, check.Healthy, r.State, r.Reason)
			require.EqualValues(t, 1, asked.Swap(0))

			drops.Store(1)
			r = runOnce(t, p, 5*time.Second)
			if method == "tools/call" {
				require.Equal(t, check.Protocol, r.ErrorType, "a call may do something, and is not made twice")
				require.EqualValues(t, 1, asked.Load())
				return
			}
			require.Equal(t, check.Healthy, r.State, r.Reason)
			require.EqualValues(t, 2, asked.Load())

			asked.Store(0)
			drops.Store(100)
			r = runOnce(t, p, 5*time.Second)
			require.Equal(t, check.Protocol, r.ErrorType, "a connection that is new is")
			require.LessOrEqual(t, asked.Load(), int64(3))
		})
	}
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
		require.Equal(t, test.version, value(t, r, "mcp.tools").Attributes["mcp.protocol.version"])
		require.Equal(t, 0.0, value(t, r, "mcp.tools").Value)
	}
}

func TestThresholds(t *testing.T) {
	url, _ := serve(t, 25, true)
	r := runOnce(t, newProbe(t, Settings{Endpoint: url, MaxTools: 12}), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, strings.TrimPrefix(url, "http://")+" lists more than 12 tools", r.Reason)
	require.Equal(t, 12.0, value(t, r, "mcp.tools").Value)

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
	const endpoint = "http://localhost"
	command := []string{"/bin/true"}
	for want, settings := range map[string][]Settings{
		"endpoint: want http:// or https:// and a host": {
			{}, {Endpoint: "localhost:3001"}, {Endpoint: "ftp://localhost/"}, {Endpoint: "http://"}, {Endpoint: "http://user:secret@%zz/"},
		},
		"want an endpoint or a command, got both":   {{Endpoint: endpoint, Command: command}},
		"command: want an absolute path":            {{Command: []string{"node", "server.js"}}, {Command: []string{""}}},
		"command, env and dir: must not hold NUL":   {{Command: []string{"/bin/a\x00b"}}, {Command: command, Env: []string{"A=\x00"}}},
		"env: want NAME=value":                      {{Command: command, Env: []string{"SECRET"}}, {Command: command, Env: []string{"=secret"}}},
		`dir "here": want an absolute path`:         {{Command: command, Dir: "here"}},
		"max tools -1: must not be negative":        {{Endpoint: endpoint, MaxTools: -1}},
		"canary: tool: must be set":                 {{Endpoint: endpoint, Canary: &Canary{}}},
		"canary: arguments: want a JSON object":     {{Endpoint: endpoint, Canary: &Canary{Tool: "a", Arguments: map[string]any{"a": make(chan int)}}}},
		`accept changes "yes": want auto or manual`: {{Endpoint: endpoint, Contract: ContractSettings{AcceptChanges: "yes"}}},
		`protocol "2020": want auto or one of 2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05`: {{Endpoint: endpoint, Protocol: "2020"}},
		`accepted contract "abc": want a digest of 32 hexadecimal digits`:                                 {{Endpoint: endpoint, Contract: ContractSettings{Accepted: "abc"}}},
	} {
		for _, s := range settings {
			_, err := New(s)
			require.EqualError(t, err, want)
		}
	}
}

func TestProtocolThatIsAskedForIsTheOnlyOne(t *testing.T) {
	old, seen := serve(t, 1, false, "2025-06-18")
	host := strings.TrimPrefix(old, "http://")

	r := runOnce(t, newProbe(t, Settings{Endpoint: old, Protocol: "2025-06-18"}), 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"initialize", "list"}, requests(r))
	require.Equal(t, map[string]string{"mcp.protocol.version": "2025-06-18", "mcp.protocol.era": "session"}, value(t, r, "mcp.protocol.info").Attributes)
	seen.take()

	r = runOnce(t, newProbe(t, Settings{Endpoint: old, Protocol: "2025-11-25"}), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, host+" speaks protocol 2025-06-18, not 2025-11-25", r.Reason)
	require.Equal(t, []string{"POST initialize", "POST notifications/initialized", "DELETE"}, seen.take())

	r = runOnce(t, newProbe(t, Settings{Endpoint: old, Protocol: "2026-07-28"}), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Assertion, r.ErrorType, r.Reason)
	require.Equal(t, "server/discover at "+host+": the server does not speak protocol 2026-07-28", r.Reason)
	require.NotContains(t, seen.take(), "POST initialize")
}

func TestServerThatIgnoresWhatItDoesNotKnowIsInitialized(t *testing.T) {
	old := mcp.NewServer(&mcp.Implementation{Name: "old", Version: "1"}, &mcp.ServerOptions{SupportedProtocolVersions: []string{"2025-11-25"}})
	next := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return old }, nil)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if strings.Contains(string(body), `"server/discover"`) {
			<-q.Context().Done()
			return
		}
		q.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, q)
	}))
	defer web.Close()
	p := newProbe(t, Settings{Endpoint: web.URL})
	r := runOnce(t, p, 2*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Subset(t, steps(r), []string{"discover", "initialize"})
	r = runOnce(t, p, 2*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.NotContains(t, steps(r), "discover", "the era is remembered")
}

func TestSlowServerIsNotTakenForAnOldOne(t *testing.T) {
	slow := true
	next := scripted{"initialize": func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusNotFound) }}
	next["server/discover"] = func(w http.ResponseWriter, q *http.Request, id string) {
		if slow {
			slow = false
			<-q.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answerTo(id, discovered))
	}
	web := httptest.NewServer(next)
	defer web.Close()
	r := runOnce(t, newProbe(t, Settings{Endpoint: web.URL}), time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"discover", "initialize", "list"}, requests(r))
}

// wire is an http.RoundTripper without a network.
type wire func(*http.Request) *http.Response

func (w wire) RoundTrip(q *http.Request) (*http.Response, error) { return w(q), nil }

func FuzzAnswers(f *testing.F) {
	const events = "text/event-stream"
	f.Add([]byte(answerTo("ID", discovered)), []byte(answerTo("ID", oneTool)), []byte(answerTo("ID", `{"content":[]}`)), "application/json", 200)
	f.Add([]byte("data: "+answerTo("ID", discovered)+"\n\n"), []byte("id: 1\nretry: 1\ndata: "+answerTo("ID", oneTool)+"\n\n"), []byte(": \n\n"), events, 200)
	f.Add([]byte("data: "+answerTo("ID", discovered)+"\n\n"), []byte(`data: {"jsonrpc":"2.0","id":"x","method":"roots/list","params":null}`+"\n\n"), []byte{}, events, 200)
	f.Add([]byte(answerTo("ID", discovered)), []byte(answerTo("ID", `{"tools":[null,{"name":null,"inputSchema":[]}],"nextCursor":"ID"}`)), []byte("null"), "application/json", 200)
	f.Add([]byte(`{"jsonrpc":"2.0","id":ID,"error":{"code":-32022,"data":{"supported":["2026-07-28"]}}}`), []byte{}, []byte{}, "application/json", 400)
	f.Fuzz(func(t *testing.T, discover, list, call []byte, contentType string, status int) {
		if status < 200 || status > 599 || strings.ContainsAny(contentType, "\r\n") {
			return
		}
		client := &http.Client{Transport: wire(func(q *http.Request) *http.Response {
			var asked struct {
				ID     json.RawMessage
				Method string
			}
			body, _ := io.ReadAll(q.Body)
			_ = json.Unmarshal(body, &asked)
			answer := map[string][]byte{"server/discover": discover, "initialize": discover, "tools/list": list, "tools/call": call}[asked.Method]
			answer = bytes.ReplaceAll(answer, []byte("ID"), asked.ID)
			return &http.Response{
				StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(answer)), Request: q,
			}
		})}
		p, err := New(Settings{Endpoint: "http://localhost", Client: client, Canary: &Canary{Tool: "a"}})
		require.NoError(t, err)
		r := runOnce(t, p, 50*time.Millisecond)
		require.NotEqual(t, check.Internal, r.ErrorType)
	})
}
