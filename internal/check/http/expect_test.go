package http

import (
	"crypto/tls"
	"crypto/x509"
	"io"
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

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestBodyOfJSONIsLookedInto(t *testing.T) {
	const body = `{"status":"up","ready":true,"workers":3,"load":0.5,"none":null,"checks":[{"name":"db","status":"up"},{"name":"cache","status":"down"}]}`
	web, address := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
	type level string
	for _, test := range []struct {
		path  string
		value any
		want  string
	}{
		{"$.status", "up", ""},
		{"$.status", level("up"), ""},
		{"$.status", "secret", "the body has another value at the JSON path than expected"},
		{"$.status", nil, ""},
		{"$.ready", true, ""},
		{"$.ready", "true", "the body has another value at the JSON path than expected"},
		{"$.workers", 3, ""},
		{"$.workers", uint8(3), ""},
		{"$.workers", 3.0, ""},
		{"$.load", float32(0.5), ""},
		{"$.none", nil, ""},
		{"$.nothing", nil, "the body has nothing at the JSON path"},
		{"$.checks[0].status", "up", ""},
		{"$.checks[*].status", "up", "the body has another value at the JSON path than expected"},
		{"$.checks[?(@.name == 'db')].status", "up", ""},
		{"$.checks", "up", "the body has no plain value at the JSON path"},
		{"$.checks", nil, ""},
	} {
		r := run(t, newProbe(t, Settings{URL: web.URL, JSON: &JSONExpectation{Path: test.path, Value: test.value}}), 5*time.Second)
		if test.want == "" {
			require.Equal(t, check.Healthy, r.State, "%s %v: %s", test.path, test.value, r.Reason)
			continue
		}
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, check.Assertion, r.ErrorType)
		require.Equal(t, address+": "+test.want, r.Reason)
	}

	page, address := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>secret") })
	r := run(t, newProbe(t, Settings{URL: page.URL, JSON: &JSONExpectation{Path: "$.status"}}), 5*time.Second)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Equal(t, address+": the body is not JSON", r.Reason)
}

func TestJSONExpectationsThatCannotBe(t *testing.T) {
	for want, e := range map[string]JSONExpectation{
		"the JSON path must not be empty":                                   {},
		"the JSON path is malformed":                                        {Path: "$.a["},
		"the JSON path must not hold a script":                              {Path: "$.a[(@.length-1)]"},
		"the JSON value must be a string, a number or a boolean, got []int": {Path: "$", Value: []int{1}},
	} {
		err := e.Validate()
		if want == "the JSON path must not hold a script" && err != nil {
			// Without a compiler for scripts they are no paths at all.
			require.Regexp(t, "^the JSON path (must not hold a script|is malformed)$", err.Error())
			continue
		}
		require.EqualError(t, err, want)
		_, err = New(Settings{URL: "http://localhost/", JSON: &e})
		require.EqualError(t, err, want)
	}
	_, err := New(Settings{URL: "http://localhost/", MaxRedirects: -1})
	require.EqualError(t, err, "redirects: want 0 or more, got -1")
}

func TestRedirectsAreFollowedAsFarAsAllowed(t *testing.T) {
	var got []string
	web, address := serve(t, nil)
	web.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got = append(got, q.URL.Path+" "+q.Header.Get("X-Token"))
		if q.URL.Path == "/b" {
			_, _ = io.WriteString(w, "up")
			return
		}
		http.Redirect(w, q, "/b", http.StatusFound)
	})
	s := Settings{URL: web.URL + "/a?key=secret", Headers: http.Header{"X-Token": {"secret"}}, BodyContains: "up"}
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, address+" answered with status 302", r.Reason)
	s.MaxRedirects = 1
	require.Equal(t, check.Healthy, run(t, newProbe(t, s), 5*time.Second).State)
	require.Equal(t, []string{"/a secret", "/a secret", "/b secret"}, got)

	var told http.Header
	elsewhere, _ := serve(t, func(_ http.ResponseWriter, q *http.Request) { told = q.Header.Clone() })
	away, _ := serve(t, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, elsewhere.URL, http.StatusFound) })
	s.URL, s.BodyContains = away.URL, ""
	require.Equal(t, check.Healthy, run(t, newProbe(t, s), 5*time.Second).State)
	require.NotNil(t, told)
	require.Empty(t, told.Get("X-Token"))
}

func TestCertificateThatExpiresSoonIsDegraded(t *testing.T) {
	certificate := peers.Certificate(t, 90*24*time.Hour, 24*time.Hour)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	web.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	web.StartTLS()
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	s := DefaultSettings()
	s.URL, s.Client = web.URL, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "the certificate expires at "+certificate.Leaf.NotAfter.UTC().Format(time.RFC3339), r.Reason)
	s.MinCertificateValidity = 0
	require.Equal(t, check.Healthy, run(t, newProbe(t, s), 5*time.Second).State)
}

// counting counts the bytes of the body that a server could write.
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

func TestServersThatHurt(t *testing.T) {
	type outcome struct {
		kind  check.ErrorType
		cause string
	}
	want := map[string]outcome{
		"silent":               {check.Timeout, ": no answer in time, waiting in step request"},
		"drips":                {check.Timeout, ": no answer in time, waiting in step body"},
		"1 GiB of JSON":        {check.Protocol, ": the answer is too large"},
		"a million levels":     {check.Protocol, ": the answer is nested too deeply"},
		"a million values":     {check.Protocol, ": the answer holds too many values"},
		"gzip bomb":            {check.Protocol, ": the answer is too large"},
		"50 redirects":         {check.Protocol, ": too many redirects"},
		"endless event stream": {check.Timeout, ": no answer in time, waiting in step body"},
	}
	hostile := peers.Hostile()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(hostile)))
	for name, handler := range hostile {
		var written atomic.Int64
		web, address := serve(t, func(w http.ResponseWriter, q *http.Request) { handler(&counting{w, &written}, q) })
		timeout := 5 * time.Second
		if want[name].kind == check.Timeout {
			timeout = 300 * time.Millisecond
		}
		measure := func(s Settings) check.Result {
			s.URL, s.MaxRedirects = web.URL, 10
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := run(t, newProbe(t, s), timeout)
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
			require.Less(t, written.Swap(0), int64(16<<20), "%s: what the server got rid of, into the buffers of the sockets too", name)
			return r
		}
		r := measure(Settings{JSON: &JSONExpectation{Path: "$.status"}})
		require.Equal(t, check.Unhealthy, r.State, name)
		require.Equal(t, address+want[name].cause, r.Reason, name)
		require.Equal(t, want[name].kind, r.ErrorType, name)

		// Text is searched as far as it is read.
		r = measure(Settings{BodyRegex: regexp.MustCompile("secret$")})
		require.Equal(t, check.Unhealthy, r.State, name)
	}
}

func TestAddressThatIsDialledIsGuarded(t *testing.T) {
	web, address := serve(t, func(http.ResponseWriter, *http.Request) {})
	dialer := &net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}
	r := run(t, newProbe(t, Settings{URL: web.URL, Client: &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, address+": the address 127.0.0.1 is link-local or one of cloud metadata, and not allowed", r.Reason)
}

func TestTLSThatStalls(t *testing.T) {
	for _, answer := range []string{"", "\x16\x03\x03\x7f"} {
		address := peers.Stalling(t, answer)
		r := run(t, newProbe(t, Settings{URL: "https://" + address}), 200*time.Millisecond)
		require.Equal(t, check.Timeout, r.ErrorType)
		require.Equal(t, address+": no answer in time, waiting in step tls", r.Reason)
	}
}

func FuzzJSONJudge(f *testing.F) {
	f.Add(`{"a":[1,"x",{}]}`, "$.a[*]")
	f.Fuzz(func(t *testing.T, body, path string) {
		m, err := JSONExpectation{Path: path, Value: "x"}.compile()
		if err != nil || strings.Contains(path, "(") {
			return
		}
		kind, reason := m.judge([]byte(body))
		require.Equal(t, kind == check.None, reason == "")
	})
}
