// Package grpc asks a gRPC server for its health, by the standard protocol
// grpc.health.v1.
//
// Measurements, gauges all:
//
//	name                    unit  attributes  description
//	tls.certificate.expiry  s                 Time until the server's certificate expires; negative when it has.
package grpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// Settings says which server to ask, and what is too much. A threshold of zero is
// off.
type Settings struct {
	// Endpoint is "host:port".
	Endpoint string
	// Service is the name that the health service knows; empty means the server as
	// a whole.
	Service string
	// TLS is used for every connection; nil means plaintext. A ServerName that is
	// empty becomes the host of Endpoint.
	TLS *tls.Config
	// Dial opens connections; nil means that of guard.Dialer. It gets the host by
	// name.
	Dial guard.DialFunc
	// Metadata is sent with the request, and may be secret. Keys are lower-case.
	Metadata map[string]string
	// MaxResponseTime is how long the whole run may take before the verdict is
	// Degraded.
	MaxResponseTime time.Duration
	// MinCertificateValidity is how much longer the certificate of the server must
	// be valid, else the verdict is Degraded. A certificate made for less than
	// three times as long need not be valid for more than a third of its life.
	MinCertificateValidity time.Duration
}

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: time.Second, MinCertificateValidity: guard.DefaultCertificateValidity}
}

// maxMessage and maxHeaders bound what the server may send, in bytes. The answer to
// a health check has two.
const (
	maxMessage = 64 << 10
	maxHeaders = 64 << 10
)

// Probe is a check.Probe for one gRPC server. It keeps nothing between runs: a
// connection that is kept would hide that the name, the route or the certificate
// has gone bad since.
type Probe struct {
	settings Settings
}

// New returns a probe. It fails when the endpoint is not host:port or the metadata
// cannot be sent.
func New(s Settings) (*Probe, error) {
	host, port, err := net.SplitHostPort(s.Endpoint)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("endpoint %q: want host:port", s.Endpoint)
	}
	for key := range s.Metadata {
		if !validKey(key) {
			return nil, fmt.Errorf("metadata: %q is no key: want lower-case letters, digits, and any of -_. without grpc- at the front", key)
		}
	}
	if s.Dial == nil {
		s.Dial = guard.Dialer(false).DialContext
	}
	if s.TLS != nil {
		s.TLS = s.TLS.Clone()
		s.TLS.NextProtos = []string{"h2"}
		if s.TLS.ServerName == "" {
			s.TLS.ServerName = host
		}
	}
	return &Probe{settings: s}, nil
}

// Run connects and asks for the health of the service. Its steps are connect, tls
// and check.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	var r check.Result
	start := time.Now()
	status, certificate, err := p.ask(ctx, &r)
	took := time.Since(start)
	if certificate != nil {
		r.Measurements = []check.Measurement{{Name: "tls.certificate.expiry", Value: time.Until(certificate.NotAfter).Seconds()}}
	}
	r.State = check.Unhealthy
	if err != nil {
		r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
		return r, nil
	}
	if status != healthpb.HealthCheckResponse_SERVING {
		r.ErrorType, r.Reason = check.Assertion, fmt.Sprintf("%s says that %s", p.settings.Endpoint, meaning(status))
		return r, nil
	}
	r.State = check.Healthy
	var exceeded []string
	if limit := p.settings.MaxResponseTime; limit > 0 && took > limit {
		exceeded = append(exceeded, fmt.Sprintf("%s answered after %v, more than %v", p.settings.Endpoint, took.Round(time.Millisecond), limit))
	}
	if certificate != nil && guard.ExpiresSoon(certificate, time.Now(), p.settings.MinCertificateValidity) {
		exceeded = append(exceeded, fmt.Sprintf("the certificate expires at %s", certificate.NotAfter.UTC().Format(time.RFC3339)))
	}
	if len(exceeded) > 0 {
		r.State, r.ErrorType, r.Reason = check.Degraded, check.Assertion, strings.Join(exceeded, "; ")
	}
	return r, nil
}

// ask connects by itself, so that each step has its time and its error, and gives
// the connection to a client that has no other.
func (p *Probe) ask(ctx context.Context, r *check.Result) (status healthpb.HealthCheckResponse_ServingStatus, certificate *x509.Certificate, err error) {
	var conn net.Conn
	if err = step(r, "connect", func() (err error) {
		conn, err = p.settings.Dial(ctx, "tcp", p.settings.Endpoint)
		return err
	}); err != nil {
		return status, nil, err
	}
	defer func() { _ = conn.Close() }()
	credential := insecure.NewCredentials()
	if p.settings.TLS != nil {
		secure := tls.Client(conn, p.settings.TLS)
		if err = step(r, "tls", func() error { return secure.HandshakeContext(ctx) }); err != nil {
			return status, nil, err
		}
		certificate, conn, credential = secure.ConnectionState().PeerCertificates[0], secure, shaken{}
	}
	err = step(r, "check", func() error {
		client, err := grpc.NewClient("passthrough:///"+p.settings.Endpoint, p.options(conn, credential)...)
		if err != nil {
			return err
		}
		defer func() { _ = client.Close() }()
		ctx := metadata.NewOutgoingContext(ctx, metadata.New(p.settings.Metadata))
		answer, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{Service: p.settings.Service})
		status = answer.GetStatus()
		return err
	})
	return status, certificate, err
}

func (p *Probe) options(conn net.Conn, credential credentials.TransportCredentials) []grpc.DialOption {
	var given atomic.Bool
	return []grpc.DialOption{
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if given.Swap(true) {
				return nil, errDialedTwice
			}
			return conn, nil
		}),
		grpc.WithTransportCredentials(credential),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithMaxHeaderListSize(maxHeaders),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithUserAgent("watchkeeper"),
	}
}

var errDialedTwice = errors.New("the connection is gone")

// shaken are the credentials of a connection on which the handshake is done.
type shaken struct{}

func (shaken) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, credentials.TLSInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

func (shaken) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("not a server")
}

func (shaken) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (shaken) Clone() credentials.TransportCredentials { return shaken{} }

func (shaken) OverrideServerName(string) error { return nil }

// validKey is true for what may name an entry of metadata (gRPC over HTTP/2,
// "Custom-Metadata").
func validKey(key string) bool {
	return key != "" && strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == "" && !strings.HasPrefix(key, "grpc-")
}

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
