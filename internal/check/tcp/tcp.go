// Package tcp asks whether a port takes connections and, if so configured,
// whether TLS works on it and the server says what it should.
//
// Measurements, gauges all:
//
//	name                    unit  attributes  description
//	tls.certificate.expiry  s                 Time until the server's certificate expires; negative when it has.
package tcp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// Settings says what to connect to and what is expected. A threshold of zero is
// off.
type Settings struct {
	// Endpoint is "host:port".
	Endpoint string
	// TLS is used from the first byte on; nil means plaintext. A ServerName that is
	// empty becomes the host of Endpoint.
	TLS *tls.Config
	// Dial opens connections; nil means that of guard.Dialer. It gets the host by
	// name.
	Dial guard.DialFunc
	// Send is sent once the connection is there, unless it is empty.
	Send string
	// Expect must match in the first 64 KiB of what the server says, after Send was
	// sent. The server is not listened to when it is nil.
	Expect *regexp.Regexp
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

// maxHeard is how much of what the server says is listened to, in bytes.
const maxHeard = 64 << 10

var (
	errEnded   = errors.New("the connection ended before the expected text came")
	errTooMuch = fmt.Errorf("the expected text is not in the first %d KiB", maxHeard>>10)
)

// Probe is a check.Probe for one port. It keeps nothing between runs.
type Probe struct {
	settings Settings
}

// New returns a probe. It fails when the endpoint is not host:port.
func New(s Settings) (*Probe, error) {
	host, port, err := net.SplitHostPort(s.Endpoint)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("endpoint %q: want host:port", s.Endpoint)
	}
	if s.Dial == nil {
		s.Dial = guard.Dialer(false).DialContext
	}
	if s.TLS != nil {
		s.TLS = s.TLS.Clone()
		if s.TLS.ServerName == "" {
			s.TLS.ServerName = host
		}
	}
	return &Probe{settings: s}, nil
}

// Run connects, says what is to be said, and listens. Its steps are connect, tls,
// send and receive, the last three where they apply.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	var r check.Result
	start := time.Now()
	certificate, err := p.ask(ctx, &r)
	took := time.Since(start)
	if certificate != nil {
		r.Measurements = []check.Measurement{{Name: "tls.certificate.expiry", Value: time.Until(certificate.NotAfter).Seconds()}}
	}
	if err != nil {
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
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

// ask returns the certificate of the server, or nil if there is none.
func (p *Probe) ask(ctx context.Context, r *check.Result) (certificate *x509.Certificate, err error) {
	var conn net.Conn
	if err := step(r, "connect", func() (err error) {
		conn, err = p.settings.Dial(ctx, "tcp", p.settings.Endpoint)
		return err
	}); err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	// Reads and writes heed no context.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()

	if p.settings.TLS != nil {
		secure := tls.Client(conn, p.settings.TLS)
		if err := step(r, "tls", func() error { return secure.HandshakeContext(ctx) }); err != nil {
			return nil, err
		}
		certificate, conn = secure.ConnectionState().PeerCertificates[0], secure
	}
	if p.settings.Send != "" {
		if err := step(r, "send", func() error {
			_, err := io.WriteString(conn, p.settings.Send)
			return err
		}); err != nil {
			return certificate, err
		}
	}
	if p.settings.Expect != nil {
		return certificate, step(r, "receive", func() error { return p.listen(conn) })
	}
	return certificate, nil
}

// listen returns when what was heard so far matches.
func (p *Probe) listen(conn net.Conn) error {
	heard := make([]byte, 0, 1<<10)
	for {
		heard = slices.Grow(heard, 1<<10)
		n, err := conn.Read(heard[len(heard):min(cap(heard), maxHeard)])
		heard = heard[:len(heard)+n]
		switch {
		case n > 0 && p.settings.Expect.Match(heard):
			return nil
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		case len(heard) == maxHeard:
			return errTooMuch
		}
	}
}

// explain turns an error of a step into a line for a person.
func (p *Probe) explain(ctx context.Context, err error, step string) (check.ErrorType, string) {
	act := map[string]string{"connect": "connecting to ", "tls": "connecting to ", "send": "sending to ", "receive": "listening to "}[step]
	reason := func(cause string) string { return act + p.settings.Endpoint + ": " + cause }
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	if errors.Is(err, errEnded) || errors.Is(err, errTooMuch) {
		return check.Assertion, reason(err.Error())
	}
	kind := check.Classify(err, check.Protocol)
	if ctx.Err() != nil {
		kind = check.Timeout
	}
	switch kind {
	case check.Timeout:
		return kind, reason("no answer in time")
	case check.DNS:
		return kind, reason("the name cannot be resolved")
	case check.Refused:
		return kind, reason("the connection was refused or reset")
	case check.TLS:
		return kind, reason("the TLS handshake failed")
	default:
		if step == "tls" {
			return check.TLS, reason("the TLS handshake failed")
		}
		return kind, reason("the connection broke off")
	}
}

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
