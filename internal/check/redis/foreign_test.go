package redis

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// listen accepts connections, and answers whatever comes by answer.
func listen(t *testing.T, answer string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		require.NoError(t, listener.Close())
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			go func() {
				request := make([]byte, 1024)
				for {
					if _, err := conn.Read(request); err != nil {
						return
					}
					if _, err := io.WriteString(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestWhatIsNoRedisIsUnhealthy(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		kind   check.ErrorType
		cause  string
	}{
		"silent":                    {"", check.Timeout, "no answer in time"},
		"http":                      {"HTTP/1.1 400 Bad Request\r\n\r\n", check.Protocol, "the connection ended, or the answer is not one of Redis"},
		"other answer":              {"+HELLO\r\n", check.Protocol, "the connection ended, or the answer is not one of Redis"},
		"unknown error":             {"-ERR your password is hunter2\r\n", check.Protocol, "the server refused"},
		"announces a terabyte":      {"$1099511627776\r\n", check.Protocol, "the answer is too large"},
		"announces more than int64": {"$99999999999999999999\r\n", check.Protocol, "the answer is too large"},
		"announces a huge array":    {"*1000000000\r\n", check.Protocol, "the answer is too large"},
		"arrays within arrays":      {strings.Repeat("*60000\r\n", 1000), check.Protocol, "the answer is too large"},
		"endless line":              {strings.Repeat("+", 1<<20), check.Protocol, "the answer is too large"},
		"half an answer":            {"+PO", check.Timeout, "no answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := listen(t, test.answer)
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := run(t, newProbe(t, settings(endpoint)), timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, "PING to "+endpoint+": "+test.cause, r.Reason)
			require.Equal(t, test.kind, r.ErrorType)
		})
	}
}

func TestAddressThatIsDialledIsGuarded(t *testing.T) {
	s := settings(listen(t, ""))
	s.Dial = (&net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}).DialContext
	r := run(t, newProbe(t, s), time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the address 127.0.0.1 is link-local or one of cloud metadata, and not allowed", r.Reason)
}

func TestServerThatStallsEndsByTheTimeout(t *testing.T) {
	s := settings(peers.Stalling(t, "+"))
	r := run(t, newProbe(t, s), 300*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	s.TLS = &tls.Config{}
	s.Endpoint = peers.Stalling(t, "")
	r = run(t, newProbe(t, s), 300*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": no answer in time", r.Reason)
}

func TestNameThatDoesNotResolve(t *testing.T) {
	s := settings("cache.invalid:6379")
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "cache.invalid", IsNotFound: true}
	}
	r := run(t, newProbe(t, s), time.Second)
	require.Equal(t, check.DNS, r.ErrorType)
	require.Equal(t, "connecting to cache.invalid:6379: the name cannot be resolved", r.Reason)
}

func TestCloseDoesNotWaitForAnAbandonedRun(t *testing.T) {
	endpoint := listen(t, "")
	s := settings(endpoint)
	dialing, proceed := make(chan struct{}), make(chan struct{})
	var conn net.Conn
	s.Dial = func(_ context.Context, network, address string) (_ net.Conn, err error) {
		close(dialing)
		<-proceed
		conn, err = net.Dial(network, address)
		return conn, err
	}
	p, err := New(s)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = p.Run(ctx)
	}()
	<-dialing
	require.NoError(t, p.Close())
	close(proceed)
	<-ended
	_, err = conn.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestCanceledRunEndsSoon(t *testing.T) {
	p := newProbe(t, settings(listen(t, "")))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	r := checktest.Until(ctx, t, p)
	require.Equal(t, check.Timeout, r.ErrorType)
}

func TestEndpointThatCannotBe(t *testing.T) {
	for _, endpoint := range []string{"", "cache", ":6379", "cache:"} {
		_, err := New(Settings{Endpoint: endpoint})
		require.EqualError(t, err, `endpoint "`+endpoint+`": want host:port`)
	}
}
