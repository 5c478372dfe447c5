package a2a

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a probe once and has the engine's promises kept: a reason if and only
// if there is a fault, in one line, without a secret, and an end soon after the
// timeout.
func run(t *testing.T, s Settings, timeout time.Duration) check.Result {
	t.Helper()
	p, err := New(s)
	require.NoError(t, err)
	r := checktest.Run(t, p, timeout)
	require.NoError(t, p.Close())
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

// executor answers every message by a function.
type executor func(text string) []a2a.Event

func (e executor) Execute(_ context.Context, c *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		for _, event := range e(c.Message.Parts[0].Text()) {
			if task, ok := event.(*a2a.Task); ok {
				status := task.Status
				*task = *a2a.NewSubmittedTask(c, c.Message)
				task.Status = status
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

func (e executor) Cancel(context.Context, *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(func(a2a.Event, error) bool) {}
}

func echo(text string) []a2a.Event {
	return []a2a.Event{a2a.NewMessage(a2a.MessageRoleAgent, a2a.NewTextPart("you said: "+text))}
}

// task is the answer of an agent that made a task of the message.
func task(state a2a.TaskState, text string) executor {
	return func(string) []a2a.Event {
		return []a2a.Event{&a2a.Task{Status: a2a.TaskStatus{
			State: state, Message: a2a.NewMessage(a2a.MessageRoleAgent, a2a.NewTextPart(text)),
		}}}
	}
}

// serve starts an agent of the official SDK. Its card may be changed.
func serve(t *testing.T, e executor, change func(base string, card *a2a.AgentCard)) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	card := &a2a.AgentCard{
		Name: "planner", Description: "plans", Version: "1.2.3",
		DefaultInputModes: []string{"text/plain"}, DefaultOutputModes: []string{"text/plain"},
		Skills: []a2a.AgentSkill{{ID: "plan", Name: "plan", Description: "makes plans", Tags: []string{"plan"}}},
		SupportedInterfaces: []*a2a.AgentInterface{
			a2a.NewAgentInterface(web.URL+"/invoke", a2a.TransportProtocolJSONRPC),
			a2a.NewAgentInterface(web.URL+"/rest", a2a.TransportProtocolHTTPJSON),
		},
	}
	if change != nil {
		change(web.URL, card)
	}
	handler := a2asrv.NewHandler(e, a2asrv.WithLogger(slog.New(slog.DiscardHandler)))
	mux.Handle(a2asrv.WellKnownAgentCardPath, a2asrv.NewStaticAgentCardHandler(card))
	mux.Handle("/invoke", a2asrv.NewJSONRPCHandler(handler))
	mux.Handle("/rest/", http.StripPrefix("/rest", a2asrv.NewRESTHandler(handler)))
	return web
}

func settings(url string) Settings {
	s := DefaultSettings()
	s.URL = url
	s.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: false}}
	return s
}

func TestAgentOfTheOfficialSDKIsHealthy(t *testing.T) {
	web := serve(t, echo, nil)
	s := settings(web.URL)
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"card"}, steps(r))
	require.Len(t, r.Measurements, 4)
	require.Equal(t, "a2a.agent.card.size", r.Measurements[0].Name)
	require.Greater(t, r.Measurements[0].Value, 200.0)
	require.Equal(t, check.Measurement{Name: "a2a.agent.skills", Value: 1}, r.Measurements[1])
	require.Equal(t, check.Measurement{Name: "a2a.agent.interfaces", Value: 1, Attributes: map[string]string{
		"a2a.protocol.version": "1.0", "a2a.protocol.binding": "jsonrpc",
	}}, r.Measurements[2])
	require.Equal(t, "http_json", r.Measurements[3].Attributes["a2a.protocol.binding"])

	s.Canary = &Canary{Message: "are you well?", Expect: regexp.MustCompile(`^you said: are you well\?\n$`)}
	s.CheckInterfaces = true
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"card", "interfaces", "canary"}, steps(r))

	s.URL = web.URL + "/.well-known/agent-card.json"
	require.Equal(t, check.Healthy, run(t, s, 5*time.Second).State)

	s.MaxResponseTime = time.Nanosecond
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `: the card took \S+s, more than 1ns$`, r.Reason)
}

func TestCanaryOverREST(t *testing.T) {
	web := serve(t, task(a2a.TaskStateCompleted, "done"), func(_ string, c *a2a.AgentCard) { c.SupportedInterfaces = c.SupportedInterfaces[1:] })
	s := settings(web.URL)
	s.Canary = &Canary{Message: "hello", Expect: regexp.MustCompile("done")}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
}

func TestCanaryTellsWhatAgentsDoWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		executor executor
		kind     check.ErrorType
		cause    string
	}{
		"done":     {task(a2a.TaskStateCompleted, "all is well"), check.None, ""},
		"other":    {task(a2a.TaskStateCompleted, "secret"), check.Assertion, "the answer to the canary does not match the expected pattern"},
		"failed":   {task(a2a.TaskStateFailed, "secret"), check.ToolError, "the agent failed at the canary"},
		"rejected": {task(a2a.TaskStateRejected, "secret"), check.ToolError, "the agent failed at the canary"},
		"crashes":  {func(string) []a2a.Event { panic("secret") }, check.ToolError, "the agent answered with an error"},
	} {
		t.Run(name, func(t *testing.T) {
			web := serve(t, test.executor, nil)
			s := settings(web.URL)
			s.Canary = &Canary{Message: "hello", Expect: regexp.MustCompile("all")}
			r := run(t, s, 5*time.Second)
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
			if test.kind == check.None {
				require.Equal(t, check.Healthy, r.State)
				return
			}
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, "sending the canary to "+strings.TrimPrefix(web.URL, "http://")+": "+test.cause, r.Reason)
		})
	}
}

// The server of the SDK waits for ever for tasks that wait for somebody, so these
// do not come from it.
func TestTasksThatWaitForSomebody(t *testing.T) {
	for state, want := range map[a2a.TaskState]error{
		a2a.TaskStateInputRequired: nil,
		a2a.TaskStateAuthRequired:  errWantsAuth,
		a2a.TaskStateWorking:       errUnfinished,
		a2a.TaskStateSubmitted:     errUnfinished,
		a2a.TaskStateCanceled:      errFailed,
	} {
		got := &outcome{state: state}
		got.text.WriteString("is all well?")
		require.Equal(t, want, (&Canary{Expect: regexp.MustCompile("all")}).judge(got), state)
	}
}

// old serves a card of protocol 0.2 or 0.3 at path, and answers each message with
// result.
func old(t *testing.T, path, card, answer string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.ReplaceAll(card, "$BASE", web.URL))
	})
	mux.HandleFunc("POST /a2a", func(w http.ResponseWriter, q *http.Request) {
		var request struct {
			Method string
			Params struct {
				Message struct{ Parts []struct{ Kind, Text string } }
			}
		}
		if json.NewDecoder(q.Body).Decode(&request) != nil || request.Method != "message/send" ||
			len(request.Params.Message.Parts) != 1 || request.Params.Message.Parts[0].Text != "hello" {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,`+answer+`}`)
	})
	return web
}

const card03 = `{"protocolVersion":"0.3.0","name":"old","description":"old","version":"1","url":"$BASE/a2a","preferredTransport":"JSONRPC",
"capabilities":{},"defaultInputModes":[],"defaultOutputModes":[],"skills":[{"id":"a","name":"a"},{"id":"b","name":"b"}],
"additionalInterfaces":[{"url":"$BASE/a2a","transport":"JSONRPC"},{"url":"localhost:1","transport":"GRPC"}],
"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Key"}}}`

func TestOlderAgentsAreUnderstood(t *testing.T) {
	const done = `"result":{"kind":"task","id":"1","contextId":"1","status":{"state":"completed"},"artifacts":[{"artifactId":"1","parts":[{"kind":"text","text":"all is well"}]}]}`
	web := old(t, wellKnown, card03, done)
	s := settings(web.URL)
	s.Canary = &Canary{Message: "hello", Expect: regexp.MustCompile("^all is well")}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, check.Measurement{Name: "a2a.agent.skills", Value: 2}, r.Measurements[1])
	require.Equal(t, "0.3", r.Measurements[2].Attributes["a2a.protocol.version"])
	require.Len(t, r.Measurements, 4)

	card02 := `{"name":"older","url":"$BASE/a2a","version":"1","capabilities":{},"defaultInputModes":[],"defaultOutputModes":[],"skills":[]}`
	s.URL = old(t, wellKnownOld, card02, `"result":{"kind":"message","parts":[{"kind":"text","text":"all is well"}]}`).URL
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, strings.TrimPrefix(s.URL, "http://")+": the card lacks description, protocolVersion", r.Reason)
	require.Equal(t, "0.2", r.Measurements[2].Attributes["a2a.protocol.version"])

	for answer, kind := range map[string]check.ErrorType{
		`"error":{"code":-32603,"message":"secret"}`:                        check.ToolError,
		`"result":{"kind":"task","status":{"state":"failed"}}`:              check.ToolError,
		`"result":{"kind":"task","status":{"state":"working"}}`:             check.ToolError,
		`"result":{"kind":"task","status":{"state":"auth-required"}}`:       check.Auth,
		`"result":{"kind":"task","status":{"state":"secret"}}`:              check.Protocol,
		`"result":{"kind":"task"}`:                                          check.Protocol,
		`"result":null`:                                                     check.Protocol,
		`"result":[]`:                                                       check.Protocol,
		`"result":{"kind":"message","parts":[{"kind":"text","text":"no"}]}`: check.Assertion,
	} {
		s.URL = old(t, wellKnown, card03, answer).URL
		r := run(t, s, 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State, answer)
		require.Equal(t, kind, r.ErrorType, answer)
	}
}

func TestCardsThatAreNone(t *testing.T) {
	for card, want := range map[string]string{
		``:                                  errNoCard.Error(),
		`<html>secret`:                      errNoCard.Error(),
		`[]`:                                errNoCard.Error(),
		`{"name": 1}`:                       errNoCard.Error(),
		`{"supportedInterfaces": "secret"}`: errNoCard.Error(),
		`{"supportedInterfaces": [1]}`:      errNoCard.Error(),
		`{}`:                                errNoName.Error(),
		`{"name":"x"}`:                      errNoInterface.Error(),
		`{"name":"x","supportedInterfaces":[null]}`:        errNoInterface.Error(),
		`{"name":"x","supportedInterfaces":[{"url":"a"}]}`: errNoInterface.Error(),
	} {
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, card) }))
		r := run(t, settings(web.URL), 5*time.Second)
		web.Close()
		require.Equal(t, check.Unhealthy, r.State, card)
		require.Equal(t, check.Protocol, r.ErrorType, card)
		require.Equal(t, "getting the card from "+strings.TrimPrefix(web.URL, "http://")+": "+want, r.Reason, card)
		require.Empty(t, r.Measurements)
	}
}

func TestIncompleteCardIsDegraded(t *testing.T) {
	web := serve(t, echo, func(_ string, c *a2a.AgentCard) {
		c.Description, c.DefaultOutputModes = "", nil
		c.Skills[0].ID = ""
		c.SupportedInterfaces[1].ProtocolVersion = ""
	})
	r := run(t, settings(web.URL), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, strings.TrimPrefix(web.URL, "http://")+
		": the card lacks description, defaultOutputModes, the id or name of a skill, the URL, binding or version of an interface", r.Reason)
}

func TestCardSendsTheProbeNowhereElse(t *testing.T) {
	asked := make(chan http.Header, 10)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { asked <- q.Header.Clone() }))
	defer elsewhere.Close()
	foreign := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	web := serve(t, echo, func(_ string, c *a2a.AgentCard) {
		c.SupportedInterfaces = []*a2a.AgentInterface{a2a.NewAgentInterface(foreign, a2a.TransportProtocolJSONRPC)}
	})
	s := settings(web.URL)
	s.Headers = http.Header{"Authorization": {"Bearer secret"}, "X-Key": {"secret"}}
	s.Canary = &Canary{Message: "hello"}
	s.CheckInterfaces = true
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, io.EOF
	}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Contains(t, r.Reason, "the card names no interface on this host that the canary can take")
	require.Empty(t, asked)

	s.AllowOtherHosts, s.Dial = true, nil
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State, "it is no agent")
	got := <-asked
	require.Empty(t, got.Get("Authorization"))
	require.Empty(t, got.Get("X-Key"))
}

func TestHeadersGoToTheAgent(t *testing.T) {
	var mine []string
	guarded := httptest.NewServer(nil)
	defer guarded.Close()
	guarded.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-Key") != "secret" {
			http.Error(w, "secret", http.StatusUnauthorized)
			return
		}
		mine = append(mine, q.URL.Path)
		if q.URL.Path == wellKnown {
			_, _ = io.WriteString(w, strings.ReplaceAll(card03, "$BASE", guarded.URL))
			return
		}
		_, _ = io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{"kind":"message","parts":[{"text":"hi"}]}}`)
	})
	s := settings(guarded.URL)
	s.Canary = &Canary{Message: "hello"}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Auth, r.ErrorType)
	require.Contains(t, r.Reason, "the agent answered with status 401")
	s.Headers = http.Header{"X-Key": {"secret"}}
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{wellKnown, "/a2a"}, mine)
}

func TestInterfaceThatCannotBeReachedIsDegraded(t *testing.T) {
	closed := peers.FreeEndpoint(t)
	web := serve(t, echo, func(_ string, c *a2a.AgentCard) {
		c.SupportedInterfaces = append(c.SupportedInterfaces, a2a.NewAgentInterface(closed, a2a.TransportProtocolGRPC))
	})
	s := settings(web.URL)
	require.Equal(t, check.Healthy, run(t, s, 5*time.Second).State)
	s.CheckInterfaces = true
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, strings.TrimPrefix(web.URL, "http://")+": interface 3 of the card (grpc) cannot be reached", r.Reason)
	require.Equal(t, []string{"card", "interfaces"}, steps(r))
}

// counting counts the bytes of the body that an agent could write.
type counting struct {
	http.ResponseWriter
	written *atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.written.Add(int64(n))
	return n, err
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func TestAgentsThatHurt(t *testing.T) {
	type outcomeOf struct {
		kind  check.ErrorType
		cause string
	}
	want := map[string]outcomeOf{
		"silent":               {check.Timeout, "no answer in time"},
		"drips":                {check.Timeout, "no answer in time"},
		"1 GiB of JSON":        {check.Protocol, "the answer is too large"},
		"a million levels":     {check.Protocol, "the answer is nested too deeply"},
		"a million values":     {check.Protocol, "the answer holds too many values"},
		"gzip bomb":            {check.Protocol, "the answer is too large"},
		"50 redirects":         {check.Protocol, "the agent answered with status 302"},
		"endless event stream": {check.Timeout, "no answer in time"},
	}
	hostile := peers.Hostile()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(hostile)))
	for name, handler := range hostile {
		for _, step := range []string{"card", "canary"} {
			t.Run(name+" for the "+step, func(t *testing.T) {
				mux := http.NewServeMux()
				web := httptest.NewServer(mux)
				defer web.Close()
				var written atomic.Int64
				mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) { handler(&counting{w, &written}, q) })
				s := settings(web.URL)
				prefix := "getting the card from "
				if step == "canary" {
					mux.HandleFunc(wellKnown, func(w http.ResponseWriter, _ *http.Request) {
						_, _ = io.WriteString(w, strings.ReplaceAll(card03, "$BASE", web.URL))
					})
					s.Canary = &Canary{Message: "hello"}
					prefix = "sending the canary to "
				}
				want := maps.Clone(want)
				if step == "canary" && name == "endless event stream" {
					want[name] = outcomeOf{check.Protocol, "the answer broke off or is not one of A2A"}
				}
				timeout := 5 * time.Second
				if want[name].kind == check.Timeout {
					timeout = 300 * time.Millisecond
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				r := run(t, s, timeout)
				runtime.ReadMemStats(&after)
				require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20))
				require.Less(t, written.Load(), int64(16<<20), "what the agent got rid of, into the buffers of the sockets too")
				require.Equal(t, check.Unhealthy, r.State)
				require.Equal(t, prefix+strings.TrimPrefix(web.URL, "http://")+": "+want[name].cause, r.Reason)
				require.Equal(t, want[name].kind, r.ErrorType)
			})
		}
	}
}

func TestNetworkFailures(t *testing.T) {
	closed := peers.FreeEndpoint(t)
	r := run(t, settings("http://"+closed), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "getting the card from "+closed+": the connection was refused or reset", r.Reason)

	s := settings("https://" + peers.Stalling(t, ""))
	require.Equal(t, check.Timeout, run(t, s, 200*time.Millisecond).ErrorType)

	web := serve(t, echo, nil)
	s = settings(web.URL)
	dialer := &net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}
	s.Client = &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Contains(t, r.Reason, "the address 127.0.0.1 is link-local or one of cloud metadata")

	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	r = run(t, settings(nothing.URL), 5*time.Second)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Contains(t, r.Reason, "there is no card (status 404)")
}

func TestCertificateIsMeasuredAndJudged(t *testing.T) {
	web := httptest.NewUnstartedServer(nil)
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.ReplaceAll(card03, "$BASE", "https://"+web.Listener.Addr().String()))
	})
	certificate := peers.Certificate(t, 24*time.Hour, 7*time.Hour)
	web.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	web.StartTLS()
	defer web.Close()
	s := settings(web.URL)
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	s.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Contains(t, r.Reason, ": the certificate expires at ")
	require.Equal(t, "http.certificate.expiry", r.Measurements[0].Name)
	require.InDelta(t, (7 * time.Hour).Seconds(), r.Measurements[0].Value, 10)

	s.Client = &http.Client{Transport: &http.Transport{}}
	require.Equal(t, check.TLS, run(t, s, 5*time.Second).ErrorType)
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, url := range []string{"", "agent", "ftp://agent", "http://", "http://user:secret@%zz/"} {
		_, err := New(Settings{URL: url})
		require.EqualError(t, err, "url: want http:// or https:// and a host")
	}
	_, err := New(Settings{URL: "http://agent", Canary: &Canary{}})
	require.EqualError(t, err, "canary: the message must not be empty")
}

func FuzzParseCard(f *testing.F) {
	f.Add(card03)
	f.Add(`{"name":"x","version":"1","supportedInterfaces":[{"url":"http://a","protocolBinding":"JSONRPC","protocolVersion":"1.0"},null],"securitySchemes":{"a":{"httpAuthSecurityScheme":{"scheme":"bearer"}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCard([]byte(text))
		if err != nil {
			return
		}
		require.NotEmpty(t, c.interfaces)
		require.LessOrEqual(t, len(c.interfaces), maxInterfaces)
		for _, i := range c.interfaces {
			hostPort(i.URL)
		}
		require.LessOrEqual(t, len(c.measurements(len(text))), 2+5*4)
	})
}
