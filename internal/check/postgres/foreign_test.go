package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// listen accepts connections, and answers the first bytes of each by answer.
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
				first := make([]byte, 1024)
				if _, err := conn.Read(first); err == nil {
					_, _ = conn.Write([]byte(answer))
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func TestWhatIsNoPostgresIsUnhealthy(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		kind   check.ErrorType
	}{
		"silent":            {"", check.Timeout},
		"http":              {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", check.Protocol},
		"announces 2 GiB":   {"R\x7f\xff\xff\xff", check.Protocol},
		"half a message":    {"R\x00\x00", check.Timeout},
		"refuses, in jest":  {"E\x00\x00\x00\x1dSFATAL\x00C28\n01\x00Mmonitor\x00\x00\x00", check.Protocol},
		"login not needed?": {"Z\x00\x00\x00\x05I", check.Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProbe(t, settings(listen(t, test.answer)))
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := run(t, p, timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
			require.Empty(t, r.Measurements)
		})
	}
}

func TestRedisIsNoPostgres(t *testing.T) {
	server := peers.Redis(t)
	r := run(t, newProbe(t, settings(server.Endpoint)), time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Contains(t, []check.ErrorType{check.Protocol, check.Timeout, check.Refused}, r.ErrorType)
}

func TestAddressThatIsDialledIsGuarded(t *testing.T) {
	s := settings(listen(t, ""))
	s.Dial = (&net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}).DialContext
	r := run(t, newProbe(t, s), time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the address 127.0.0.1 is link-local or one of cloud metadata, and not allowed", r.Reason)
}

func TestServerThatStallsEndsByTheTimeout(t *testing.T) {
	s := settings(peers.Stalling(t, "R"))
	r := run(t, newProbe(t, s), 300*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	s.TLS = &tls.Config{}
	s.Endpoint = peers.Stalling(t, "S")
	r = run(t, newProbe(t, s), 300*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": no answer in time", r.Reason)
}

func TestNameThatDoesNotResolve(t *testing.T) {
	s := settings("db.invalid:5432")
	s.Dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "db.invalid", IsNotFound: true}
	}
	r := run(t, newProbe(t, s), time.Second)
	require.Equal(t, check.DNS, r.ErrorType)
	require.Equal(t, "connecting to db.invalid:5432: the name cannot be resolved", r.Reason)
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

func TestSettingsThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		`endpoint "db": want host:port`:                                    func(s *Settings) { s.Endpoint = "db" },
		`endpoint "db:0": want host:port with a port of 1 to 65535`:        func(s *Settings) { s.Endpoint = "db:0" },
		`endpoint "db:postgres": want host:port with a port of 1 to 65535`: func(s *Settings) { s.Endpoint = "db:postgres" },
		`endpoint ":5432": want host:port with a port of 1 to 65535`:       func(s *Settings) { s.Endpoint = ":5432" },
		"username must not be empty":                                       func(s *Settings) { s.Username = "" },
		"database must not be empty":                                       func(s *Settings) { s.Database = "" },
	} {
		s := settings("db:5432")
		change(&s)
		_, err := New(s)
		require.EqualError(t, err, want)
	}
}
