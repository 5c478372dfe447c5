package tcp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a probe once and has the engine's promises kept: a reason if and only
// if there is a fault, in one line, and an end soon after the timeout.
func run(t *testing.T, s Settings, timeout time.Duration) check.Result {
	t.Helper()
	p, err := New(s)
	require.NoError(t, err)
	r := checktest.Run(t, p, timeout)
	require.Equal(t, r.State == check.Healthy, r.ErrorType == check.None)
	require.Equal(t, r.State == check.Healthy, r.Reason == "")
	require.NotContains(t, r.Reason, "\n")
	return r
}

func steps(r check.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

func settings(endpoint string) Settings {
	s := DefaultSettings()
	s.Endpoint = endpoint
	return s
}

func TestPortThatTakesConnections(t *testing.T) {
	r := run(t, settings(peers.Stalling(t, "")), 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect"}, steps(r))
	require.Empty(t, r.Measurements)
}

func TestServerIsHeardAfterItWasSpokenTo(t *testing.T) {
	s := settings(peers.Redis(t).Endpoint)
	s.Send, s.Expect = "PING\r\n", regexp.MustCompile(`^\+PONG\r\n$`)
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "send", "receive"}, steps(r))

	s.Expect = regexp.MustCompile(`^220 `)
	r = run(t, s, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "listening to "+s.Endpoint+": no answer in time", r.Reason)

	s.Send = "QUIT\r\n"
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "listening to "+s.Endpoint+": the connection ended before the expected text came", r.Reason)
}

func TestServersThatHurt(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		kind   check.ErrorType
		cause  string
	}{
		"silent":         {"", check.Timeout, "no answer in time"},
		"one byte":       {"2", check.Timeout, "no answer in time"},
		"says too much":  {strings.Repeat("a", 1<<20), check.Assertion, "the expected text is not in the first 64 KiB"},
		"more than that": {strings.Repeat(strings.Repeat("(", 1<<10)+"\n", 1<<12), check.Assertion, "the expected text is not in the first 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(peers.Stalling(t, test.answer))
			s.Send, s.Expect = "hello", regexp.MustCompile("^220 .*$")
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := run(t, s, timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, test.kind, r.ErrorType)
			require.Equal(t, "listening to "+s.Endpoint+": "+test.cause, r.Reason)
		})
	}
}

func TestTLSIsVerifiedAndItsCertificateJudged(t *testing.T) {
	// The certificate is that of net/http/httptest, good for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	s := settings(web.Listener.Addr().String())
	s.TLS = &tls.Config{RootCAs: roots}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "tls"}, steps(r))
	require.Equal(t, "tls.certificate.expiry", r.Measurements[0].Name)
	require.InDelta(t, time.Until(web.Certificate().NotAfter).Seconds(), r.Measurements[0].Value, 10)
	require.Empty(t, s.TLS.ServerName, "the settings are not changed")

	s.MaxResponseTime = time.Nanosecond
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `answered after \S+s, more than 1ns$`, r.Reason)
	s.MaxResponseTime = 0

	s.TLS = &tls.Config{}
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the TLS handshake failed", r.Reason)

	s.Endpoint = peers.Stalling(t, "")
	r = run(t, s, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, []string{"connect", "tls"}, steps(r))

	s.Endpoint = peers.Stalling(t, "HTTP/1.1 400 Bad Request\r\n\r\n")
	require.Equal(t, check.TLS, run(t, s, 5*time.Second).ErrorType)
}

func TestCertificateThatExpiresSoonIsDegraded(t *testing.T) {
	certificate := peers.Certificate(t, 24*time.Hour, 7*time.Hour)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(context.Background())
			_ = conn.Close()
		}
	}()
	s := settings(listener.Addr().String())
	s.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	s.TLS.RootCAs.AddCert(certificate.Leaf)
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "the certificate expires at "+certificate.Leaf.NotAfter.UTC().Format(time.RFC3339), r.Reason)
	s.MinCertificateValidity = 6 * time.Hour
	require.Equal(t, check.Healthy, run(t, s, 5*time.Second).State)
}

func TestNetworkFailures(t *testing.T) {
	closed := peers.FreeEndpoint(t)
	r := run(t, settings(closed), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+closed+": the connection was refused or reset", r.Reason)

	s := settings("db.invalid:1")
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "db.invalid", IsNotFound: true}
	}
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.DNS, r.ErrorType)
	require.Equal(t, "connecting to db.invalid:1: the name cannot be resolved", r.Reason)

	s = settings(peers.Stalling(t, ""))
	s.Dial = (&net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}).DialContext
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the address 127.0.0.1 is link-local or one of cloud metadata, and not allowed", r.Reason)
}

func TestEndpointThatCannotBe(t *testing.T) {
	for _, endpoint := range []string{"", "db", ":1", "db:"} {
		_, err := New(Settings{Endpoint: endpoint})
		require.EqualError(t, err, `endpoint "`+endpoint+`": want host:port`)
	}
}
