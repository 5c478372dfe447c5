package mcp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

const (
	discovered = `{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}`
	oneTool    = `{"tools":[{"name":"a","inputSchema":{"type":"object"}}]}`
)

// scripted answers a request by its method, as JSON; what it does not know, as a new
// server does that knows one tool.
type scripted map[string]func(w http.ResponseWriter, q *http.Request, id string)

func (s scripted) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	var message struct {
		ID     json.RawMessage
		Method string
	}
	_ = json.Unmarshal(body, &message)
	if act, ok := s[message.Method]; ok {
		act(w, q, string(message.ID))
		return
	}
	known := map[string]string{"server/discover": discovered, "tools/list": oneTool, "tools/call": `{"content":[]}`}
	result, ok := known[message.Method]
	if !ok {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answerTo(string(message.ID), result))
}

func answerTo(id, result string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}

// endless writes text as fast as it is read, and counts the bytes.
func endless(w io.Writer, q *http.Request, written *atomic.Int64, text string) {
	block := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
	for total := 0; total < 1<<30 && q.Context().Err() == nil; total += len(block) {
		n, err := w.Write(block)
		written.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// live returns how many bytes are in use.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestHostileServers(t *testing.T) {
	const floodBehind = "endless events after the answer"
	var written atomic.Int64
	as := func(w http.ResponseWriter, contentType string) { w.Header().Set("Content-Type", contentType) }
	const JSON, events = "application/json", "text/event-stream"
	slow := func(contentType, text string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, contentType)
			_, _ = io.WriteString(w, text[:1])
			w.(http.Flusher).Flush()
			<-q.Context().Done()
		}
	}
	for name, test := range map[string]struct {
		server scripted
		state  check.State
		kind   check.ErrorType
		cause  string
	}{
		"endless events": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, events)
			endless(w, q, &written, ": still here\n\n")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers are larger than 4 MiB"},
		// They are not waited for, but until the run is over they are read: whether it
		// is before they are too much is a race that ends either way.
		floodBehind: {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, id string) {
			as(w, events)
			_, _ = io.WriteString(w, "data: "+answerTo(id, oneTool)+"\n\n")
			endless(w, q, &written, ": still here\n\n")
		}}, check.Healthy, check.None, ""},
		"flood of notifications": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, events)
			endless(w, q, &written, `data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"secret"}}`+"\n\n")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the server sends more than 2000 messages"},
		"flood of requests": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, events)
			for i := 0; q.Context().Err() == nil; i++ {
				_, _ = fmt.Fprintf(w, `data: {"jsonrpc":"2.0","id":"s%d","method":"ping"}`+"\n\n", i)
				w.(http.Flusher).Flush()
			}
		}}, check.Unhealthy, check.Protocol, ""},
		"one byte":          {scripted{"tools/list": slow(JSON, "{")}, check.Unhealthy, check.Timeout, "tools/list at HOST: no answer in time"},
		"one byte of event": {scripted{"server/discover": slow(events, "d"), "initialize": slow(events, "d")}, check.Unhealthy, check.Timeout, "initialize at HOST: no answer in time"},
		"1 GiB of JSON": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"result":"`)
			endless(w, q, &written, "secret")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers are larger than 4 MiB"},
		"1 GiB without a line end": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, events)
			_, _ = io.WriteString(w, "data: ")
			endless(w, q, &written, "secret")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers are larger than 4 MiB"},
		"1 GiB of an error": {scripted{"server/discover": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, JSON)
			w.WriteHeader(http.StatusBadRequest)
			endless(w, q, &written, "secret")
		}}, check.Unhealthy, check.Protocol, "server/discover at HOST: the answers are larger than 4 MiB"},
		"gzip bomb": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, _ string) {
			as(w, JSON)
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			var unzipped atomic.Int64
			endless(z, q, &unzipped, strings.Repeat(" ", 1024))
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers are larger than 4 MiB"},
		"a million levels": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, strings.Repeat(`{"a":`, 1e6)+"1"+strings.Repeat("}", 1e6)))
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answer is nested deeper than 128 levels"},
		"a million levels in an event": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, events)
			_, _ = io.WriteString(w, ": \"\ndata: "+answerTo(id, strings.Repeat(`[`, 1e6)+strings.Repeat("]", 1e6))+"\n\n")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answer is nested deeper than 128 levels"},
		"a million values": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, `{"tools":[{"name":"a","inputSchema":{"enum":[`+strings.Repeat("{},", 1e6)+"{}]}}]}"))
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers hold more than 262144 values"},
		"a million tools": {scripted{"tools/list": func(w http.ResponseWriter, q *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":`+id+`,"result":{"tools":[`)
			endless(w, q, &written, `{"name":"tool","description":"does nothing","inputSchema":{"type":"object"}},`)
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answers hold more than 262144 values"},
		"a million tools in pages": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, `{"nextCursor":"x","tools":[`+strings.Repeat(`{"name":"a","inputSchema":{"type":"object"}},`, 99)+
				`{"name":"a","inputSchema":{"type":"object"}}]}`))
		}}, check.Degraded, check.Assertion, "HOST lists more than 1000 tools"},
		"pages without end": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, `{"nextCursor":"x","tools":[]}`))
		}}, check.Degraded, check.Assertion, "HOST lists its tools on more than 100 pages"},
		"a tool that is null": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, `{"tools":[null]}`))
		}}, check.Healthy, check.None, ""},
		"a result that is null": {scripted{"server/discover": func(w http.ResponseWriter, _ *http.Request, id string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo(id, `null`))
		}}, check.Unhealthy, check.Protocol, ""},
		"another id": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, _ string) {
			as(w, JSON)
			_, _ = io.WriteString(w, answerTo("4711", oneTool))
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answer is to a request that was not made"},
		"another id in an event": {scripted{"tools/list": func(w http.ResponseWriter, _ *http.Request, _ string) {
			as(w, events)
			_, _ = io.WriteString(w, "data: "+answerTo(`"4711"`, oneTool)+"\n\n")
		}}, check.Unhealthy, check.Protocol, "tools/list at HOST: the answer is not one that MCP allows"},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(test.server)
			defer web.Close()
			p := newProbe(t, Settings{Endpoint: web.URL + "/?key=secret", Canary: &Canary{Tool: "a"}})
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 300 * time.Millisecond
			}
			before := live()
			written.Store(0)
			r := runOnce(t, p, timeout)
			if name == floodBehind && r.State != check.Healthy {
				test.state, test.kind, test.cause = check.Unhealthy, check.Protocol, "tools/call at HOST: the answers are larger than 4 MiB"
			}
			require.Equal(t, test.state, r.State, r.Reason)
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
			if test.cause != "" {
				require.Equal(t, strings.ReplaceAll(test.cause, "HOST", strings.TrimPrefix(web.URL, "http://")), r.Reason)
			}
			// What the test server and the transport still hold while they end is not
			// kept: only what stays is.
			require.Eventually(t, func() bool { return live()-before < 4<<20 }, 5*time.Second, 20*time.Millisecond, "what is kept")
			require.Less(t, written.Load(), int64(16<<20), "what the server got rid of, into the buffers of the sockets too")
			runtime.KeepAlive(p)
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int64
	var web *httptest.Server
	web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, fmt.Sprintf("%s/?hop=%d", web.URL, asked.Add(1)), http.StatusPermanentRedirect)
	}))
	defer web.Close()
	r := runOnce(t, newProbe(t, Settings{Endpoint: web.URL}), 5*time.Second)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Contains(t, r.Reason, "the server answered with status 308")
	require.LessOrEqual(t, asked.Load(), int64(2), "one for each era")
}

func TestTLSThatStallsIsATimeoutOfThatStep(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var connections atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := listener.Accept()
			if err != nil {
				for _, c := range open {
					_ = c.Close()
				}
				return
			}
			connections.Add(1)
			open = append(open, c)
		}
	}()
	p := newProbe(t, Settings{Endpoint: "https://" + listener.Addr().String()})
	start := time.Now()
	r := runOnce(t, p, 300*time.Millisecond)
	require.Greater(t, time.Since(start), 250*time.Millisecond, "a handshake gets all the time there is")
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "tls at "+listener.Addr().String()+": no answer in time", r.Reason)
	require.Equal(t, []string{"connect", "tls"}, steps(r))
	require.EqualValues(t, 1, connections.Load())
	require.NoError(t, listener.Close())
	<-done
}

func TestNameThatDoesNotExistIsAFaultOfDNS(t *testing.T) {
	client := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     (&net.Dialer{}).DialContext,
	}}).DialContext}}
	// A name that is too long is refused without a question.
	r := runOnce(t, newProbe(t, Settings{Endpoint: "http://" + strings.Repeat("a", 64) + ".invalid/", Client: client}), 5*time.Second)
	require.Equal(t, check.DNS, r.ErrorType, r.Reason)
	require.Equal(t, []string{"dns"}, steps(r))
	require.True(t, strings.HasPrefix(r.Reason, "dns at "), r.Reason)
}

func TestScannerFollowsNestingAcrossPieces(t *testing.T) {
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for text, want := range map[string]bool{
		deep(maxDepth):                               false,
		deep(maxDepth + 1):                           true,
		strings.Repeat("[]", 1000):                   false,
		`"` + strings.Repeat("[", 1000) + `"`:        false,
		`"\"` + strings.Repeat("[", 1000) + `"`:      false,
		`"\\"` + deep(maxDepth+1):                    true,
		": it's \"\n" + deep(maxDepth+1):             true,
		strings.Repeat("data: [\n\n", 1000):          false,
		strings.Repeat("data: [\r\n\r\n", 1000):      false,
		strings.Repeat("data: [\n", 1000):            true,
		strings.Repeat("]", 1000) + deep(maxDepth):   false,
		strings.Repeat("]", 1000) + deep(maxDepth+1): true,
	} {
		whole, pieces := &scanner{}, &scanner{}
		require.Equal(t, want, whole.scan([]byte(text)).tooDeep, "%.40q", text)
		got := false
		for _, c := range []byte(text) {
			got = pieces.scan([]byte{c}).tooDeep || got
		}
		require.Equal(t, want, got, "%.40q in pieces", text)
	}
	require.Equal(t, seen{values: 7, messages: 1}, (&scanner{}).scan([]byte(`{"a":[1,2,{"b,[":"c,"}],"d":[]}`)))
	require.Equal(t, seen{values: 4, messages: 2}, (&scanner{}).scan([]byte("data: {}\n\ndata: {}\n\n[{}")))
}

func BenchmarkScanner(b *testing.B) {
	text := bytes.Repeat([]byte(`{"name":"tool","description":"does nothing","inputSchema":{"type":"object"}},`), 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		(&scanner{}).scan(text)
	}
}
