package http

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
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

// run runs p once and has the engine's promises kept: a reason if and only if
// there is a fault, in one line, without a secret.
func run(t *testing.T, p *Probe, timeout time.Duration) check.Result {
	t.Helper()
	r := checktest.Run(t, p, timeout)
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

func serve(t *testing.T, handler http.HandlerFunc) (*httptest.Server, string) {
	t.Helper()
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	return web, strings.TrimPrefix(web.URL, "http://")
}

func TestHealthyEndpointIsAskedAsConfigured(t *testing.T) {
	var got *http.Request
	web, _ := serve(t, func(w http.ResponseWriter, q *http.Request) {
		got = q.Clone(context.Background())
		_, _ = io.WriteString(w, "status: up")
	})
	p := newProbe(t, Settings{
		Method: http.MethodPost, URL: web.URL + "/healthz?key=secret",
		Headers:      http.Header{"X-Token": {"secret"}, "Host": {"other.example"}},
		BodyContains: "up", BodyRegex: regexp.MustCompile(`^status: (up|idle)$`), MaxResponseTime: 5 * time.Second,
	})
	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "request", "body"}, steps(r))
	require.Empty(t, r.Measurements)
	require.Equal(t, "POST", got.Method)
	require.Equal(t, "/healthz?key=secret", got.URL.String())
	require.Equal(t, "secret", got.Header.Get("X-Token"))
	require.Equal(t, "other.example", got.Host)

	require.Equal(t, []string{"request", "body"}, steps(run(t, p, 5*time.Second)), "the connection is kept")
}

func TestAnswersThatAreNotAsExpected(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere?key=secret")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		handler  http.HandlerFunc
		settings Settings
		kind     check.ErrorType
		reason   string
	}{
		"server error":      {answer(500, "secret"), Settings{}, check.Assertion, "% answered with status 500"},
		"redirect":          {answer(302, ""), Settings{}, check.Assertion, "% answered with status 302"},
		"expected redirect": {answer(302, ""), Settings{ExpectedStatus: []int{302}}, check.None, ""},
		"not in the list":   {answer(200, ""), Settings{ExpectedStatus: []int{204, 302}}, check.Assertion, "% answered with status 200"},
		"unauthorized":      {answer(401, ""), Settings{}, check.Auth, "% does not let us in: status 401"},
		"forbidden":         {answer(403, ""), Settings{}, check.Auth, "% does not let us in: status 403"},
		"expected 401":      {answer(401, ""), Settings{ExpectedStatus: []int{401}}, check.None, ""},
		"other text":        {answer(200, "secret"), Settings{BodyContains: "up"}, check.Assertion, "%: the body does not contain the expected text"},
		"other pattern": {answer(200, "secret"), Settings{BodyRegex: regexp.MustCompile("^up$")}, check.Assertion,
			"%: the body does not match the expected pattern"},
		"text past the limit": {answer(200, strings.Repeat(" ", maxBody)+"up"), Settings{BodyContains: "up"}, check.Assertion,
			"%: the body does not contain the expected text"},
		"text at the limit": {answer(200, strings.Repeat(" ", maxBody-2)+"up and more"), Settings{BodyContains: "up"}, check.None, ""},
	} {
		t.Run(name, func(t *testing.T) {
			web, address := serve(t, test.handler)
			test.settings.URL = web.URL + "/?key=secret"
			r := run(t, newProbe(t, test.settings), 5*time.Second)
			require.Equal(t, strings.ReplaceAll(test.reason, "%", address), r.Reason)
			require.Equal(t, test.kind, r.ErrorType)
			if test.kind == check.None {
				require.Equal(t, check.Healthy, r.State)
			} else {
				require.Equal(t, check.Unhealthy, r.State)
			}
		})
	}
}

func TestSlowEndpointIsDegraded(t *testing.T) {
	web, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	r := run(t, newProbe(t, Settings{URL: web.URL, MaxResponseTime: time.Nanosecond}), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Regexp(t, `answered after \S+s, more than 1ns$`, r.Reason)
}

func TestServersThatDoNotAnswerProperly(t *testing.T) {
	hang := func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
	drip := func(w http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			_, _ = io.WriteString(w, ".")
			w.(http.Flusher).Flush()
			select {
			case <-q.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	short := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		kind    check.ErrorType
		reason  string
	}{
		"never answers":  {hang, check.Timeout, "%: no answer in time, waiting in step request"},
		"drips the body": {drip, check.Timeout, "%: no answer in time, waiting in step body"},
		"breaks off":     {short, check.Protocol, "%: the answer broke off or is not one of HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			web, address := serve(t, test.handler)
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := run(t, newProbe(t, Settings{URL: web.URL + "/?key=secret"}), timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, test.kind, r.ErrorType)
			require.Equal(t, strings.ReplaceAll(test.reason, "%", address), r.Reason)
		})
	}
}

func TestNetworkFailures(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := listener.Addr().String()
	require.NoError(t, listener.Close())
	r := run(t, newProbe(t, Settings{URL: "http://user:secret@" + closed}), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, closed+": the connection was refused or reset", r.Reason)
	require.Equal(t, []string{"connect"}, steps(r))

	dial := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true}
	}
	r = run(t, newProbe(t, Settings{URL: "http://api.invalid", Client: &http.Client{Transport: &http.Transport{DialContext: dial}}}), time.Second)
	require.Equal(t, check.DNS, r.ErrorType)
	require.Equal(t, "api.invalid: the name cannot be resolved", r.Reason)
}

func TestCertificateIsVerifiedAndItsExpiryMeasured(t *testing.T) {
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	web.Config.ErrorLog = nil
	web.StartTLS()
	defer web.Close()
	certificate := web.Certificate()

	trusting := web.Client()
	r := run(t, newProbe(t, Settings{URL: web.URL, Client: trusting}), 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "tls", "request", "body"}, steps(r))
	require.Len(t, r.Measurements, 1)
	require.Equal(t, "http.certificate.expiry", r.Measurements[0].Name)
	require.InDelta(t, time.Until(certificate.NotAfter).Seconds(), r.Measurements[0].Value, 10)

	transport := trusting.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	r = run(t, newProbe(t, Settings{URL: web.URL, Client: &http.Client{Transport: transport}}), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, strings.TrimPrefix(web.URL, "https://")+": the TLS handshake failed", r.Reason)
	require.Equal(t, []string{"connect", "tls"}, steps(r))
}

func TestCanceledRunEndsSoon(t *testing.T) {
	web, _ := serve(t, func(_ http.ResponseWriter, q *http.Request) { <-q.Context().Done() })
	p := newProbe(t, Settings{URL: web.URL})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	r := checktest.Until(ctx, t, p)
	require.Equal(t, check.Timeout, r.ErrorType)
}

func TestSettingsThatCannotBe(t *testing.T) {
	for want, s := range map[string]Settings{
		"the method or the url is malformed":        {URL: "http://user:secret@%zz/"},
		"url: want http:// or https:// and a host":  {URL: "localhost:8080/healthz"},
		"url: want http:// or https:// and a host ": {URL: "http:///healthz"},
		"the method or the url is malformed ":       {Method: "GET IT", URL: "http://localhost/"},
	} {
		_, err := New(s)
		require.EqualError(t, err, strings.TrimSpace(want))
	}
}
