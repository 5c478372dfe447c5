package grpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

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

func settings(endpoint string) Settings {
	s := DefaultSettings()
	s.Endpoint = endpoint
	return s
}

// serve starts a server with a health service, unless that is nil.
func serve(t *testing.T, service healthpb.HealthServer, options ...grpc.ServerOption) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer(options...)
	if service != nil {
		healthpb.RegisterHealthServer(server, service)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

func TestServiceIsAskedForItsHealth(t *testing.T) {
	service := health.NewServer()
	s := settings(serve(t, service))
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "check"}, steps(r))

	s.Service = "planner"
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "checking "+s.Endpoint+": the server does not know the service (NotFound)", r.Reason)

	for status, want := range map[healthpb.HealthCheckResponse_ServingStatus]string{
		healthpb.HealthCheckResponse_SERVING:     "",
		healthpb.HealthCheckResponse_NOT_SERVING: s.Endpoint + " says that the service is not serving (NOT_SERVING)",
		healthpb.HealthCheckResponse_UNKNOWN:     s.Endpoint + " says that the health of the service is not known (UNKNOWN)",
		42:                                       s.Endpoint + " says that the health of the service is not known (UNKNOWN)",
	} {
		service.SetServingStatus("planner", status)
		r = run(t, s, 5*time.Second)
		require.Equal(t, want, r.Reason)
		if want != "" {
			require.Equal(t, check.Assertion, r.ErrorType)
		}
	}

	service.SetServingStatus("planner", healthpb.HealthCheckResponse_SERVING)
	s.MaxResponseTime = time.Nanosecond
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `answered after \S+s, more than 1ns$`, r.Reason)
}

// answers is a health service that answers by a function.
type answers struct {
	healthpb.UnimplementedHealthServer
	check func(context.Context) (*healthpb.HealthCheckResponse, error)
}

func (a answers) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return a.check(ctx)
}

func TestWhatServersSayInsteadOfTheirHealth(t *testing.T) {
	for code, test := range map[codes.Code]struct {
		kind  check.ErrorType
		cause string
	}{
		codes.Unauthenticated:   {check.Auth, "the server does not let us in (Unauthenticated)"},
		codes.PermissionDenied:  {check.Auth, "the server does not let us in (PermissionDenied)"},
		codes.Unavailable:       {check.Protocol, "the server is not available, the connection broke off, or it is not one of gRPC (Unavailable)"},
		codes.DeadlineExceeded:  {check.Timeout, "the server gave up (DeadlineExceeded)"},
		codes.ResourceExhausted: {check.Protocol, "the server has no capacity left, or the answer is too large (ResourceExhausted)"},
		codes.Internal:          {check.Protocol, "the server answered with status Internal"},
	} {
		s := settings(serve(t, answers{check: func(context.Context) (*healthpb.HealthCheckResponse, error) {
			return nil, status.Error(code, "secret")
		}}))
		r := run(t, s, 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, test.kind, r.ErrorType)
		require.Equal(t, "checking "+s.Endpoint+": "+test.cause, r.Reason)
	}
	r := run(t, settings(serve(t, nil)), 5*time.Second)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Contains(t, r.Reason, "the server does not offer grpc.health.v1 (Unimplemented)")
}

func TestMetadataIsSent(t *testing.T) {
	s := settings(serve(t, answers{check: func(ctx context.Context) (*healthpb.HealthCheckResponse, error) {
		got, _ := metadata.FromIncomingContext(ctx)
		if values := got.Get("authorization"); len(values) != 1 || values[0] != "Bearer secret" {
			return nil, status.Error(codes.Unauthenticated, "")
		}
		return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, nil
	}}))
	require.Equal(t, check.Auth, run(t, s, 5*time.Second).ErrorType)
	s.Metadata = map[string]string{"authorization": "Bearer secret"}
	require.Equal(t, check.Healthy, run(t, s, 5*time.Second).State)
}

func TestTLSIsVerifiedAndItsCertificateMeasured(t *testing.T) {
	// The certificate is that of net/http/httptest, good for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	s := settings(serve(t, health.NewServer(), grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0]))))
	s.TLS = &tls.Config{RootCAs: roots}
	r := run(t, s, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "tls", "check"}, steps(r))
	require.Equal(t, "tls.certificate.expiry", r.Measurements[0].Name)
	require.InDelta(t, time.Until(web.Certificate().NotAfter).Seconds(), r.Measurements[0].Value, 10)

	s.TLS = &tls.Config{}
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the TLS handshake failed", r.Reason)

	s.Endpoint = peers.Stalling(t, "")
	r = run(t, s, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, []string{"connect", "tls"}, steps(r))
}

func TestServersThatHurt(t *testing.T) {
	hang := answers{check: func(ctx context.Context) (*healthpb.HealthCheckResponse, error) { <-ctx.Done(); return nil, ctx.Err() }}
	chatty := answers{check: func(ctx context.Context) (*healthpb.HealthCheckResponse, error) {
		return nil, grpc.SetHeader(ctx, metadata.Pairs("x", strings.Repeat("a", 1<<20)))
	}}
	huge := answers{check: func(context.Context) (*healthpb.HealthCheckResponse, error) {
		answer := &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}
		// A field that is not known is kept, and sent.
		answer.ProtoReflect().SetUnknown(append([]byte{0xa2, 0x06, 0x80, 0x80, 0x80, 0x02}, make([]byte, 4<<20)...))
		return answer, nil
	}}
	for name, test := range map[string]struct {
		endpoint string
		kind     check.ErrorType
	}{
		"silent":          {peers.Stalling(t, ""), check.Timeout},
		"one byte":        {peers.Stalling(t, "\x00"), check.Timeout},
		"never answers":   {serve(t, hang), check.Timeout},
		"http":            {peers.Stalling(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), check.Protocol},
		"huge frame":      {peers.Stalling(t, "\xff\xff\xff\x04\x00\x00\x00\x00\x00"), check.Protocol},
		"huge headers":    {serve(t, chatty), check.Protocol},
		"huge answer":     {serve(t, huge), check.Protocol},
		"plain HTTP/2, 1": {httpEndpoint(t), check.Protocol},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := 5 * time.Second
			if test.kind == check.Timeout {
				timeout = 200 * time.Millisecond
			}
			r := run(t, settings(test.endpoint), timeout)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, test.kind, r.ErrorType, r.Reason)
		})
	}
}

func httpEndpoint(t *testing.T) string {
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}

func TestNetworkFailures(t *testing.T) {
	closed := peers.FreeEndpoint(t)
	r := run(t, settings(closed), 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+closed+": the connection was refused or reset", r.Reason)

	s := settings(serve(t, health.NewServer()))
	s.Dial = (&net.Dialer{Control: guard.Refuse(netip.MustParsePrefix("127.0.0.0/8"))}).DialContext
	r = run(t, s, 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Contains(t, r.Reason, "the address 127.0.0.1 is link-local or one of cloud metadata")
}

func TestServerThatGoesAndComesBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	endpoint := listener.Addr().String()
	for range 2 {
		server := grpc.NewServer()
		healthpb.RegisterHealthServer(server, health.NewServer())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(listener)
		}()
		require.Equal(t, check.Healthy, run(t, settings(endpoint), 5*time.Second).State)
		server.Stop()
		<-done
		require.Equal(t, check.Refused, run(t, settings(endpoint), 5*time.Second).ErrorType)
		listener, err = net.Listen("tcp", endpoint)
		require.NoError(t, err)
	}
	require.NoError(t, listener.Close())
}

func TestSettingsThatCannotBe(t *testing.T) {
	for _, endpoint := range []string{"", "db", ":1", "db:"} {
		_, err := New(Settings{Endpoint: endpoint})
		require.EqualError(t, err, `endpoint "`+endpoint+`": want host:port`)
	}
	for _, key := range []string{"", "Authorization", "grpc-timeout", "a b"} {
		_, err := New(Settings{Endpoint: "a:1", Metadata: map[string]string{key: "x"}})
		require.ErrorContains(t, err, "is no key")
	}
}
