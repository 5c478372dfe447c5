// Package http asks an HTTP endpoint once and judges the answer: its status, its
// body, its certificate, and how long it took.
//
// Measurements, gauges all:
//
//	name                     unit  description
//	http.certificate.expiry  s     Time until the first certificate of the server's chain expires; negative when it has.
package http

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// Settings says what to ask and what answer is expected. A threshold of zero is
// off.
type Settings struct {
	// Method is GET when empty.
	Method string
	// URL is absolute, http or https.
	URL string
	// Client sends the request, and owns TLS, proxies and authentication; nil means
	// a client on guard.Dialer. It is not changed. If it adds credentials to what
	// goes through it, it must keep them from other hosts: see guard.OnlyTo.
	Client *http.Client
	// Headers are sent with the request; "Host" sets its host.
	Headers http.Header
	// ExpectedStatus lists the status codes that are right; empty means 200 to 299.
	ExpectedStatus []int
	// BodyContains must occur in the first 4 MiB of the body, unless it is empty.
	BodyContains string
	// BodyRegex must match in the first 4 MiB of the body, unless it is nil.
	BodyRegex *regexp.Regexp
	// JSON is what the body must say if it is to be JSON; nil means nothing.
	JSON *JSONExpectation
	// MaxRedirects is how many redirects are followed. Zero means none: a redirect
	// is an answer then. Headers go to the host of URL and to no other.
	MaxRedirects int
	// MinCertificateValidity is how much longer the certificate of the server must
	// be valid, else the verdict is Degraded. A certificate made for less than
	// three times as long need not be valid for more than a third of its life.
	MinCertificateValidity time.Duration
	// MaxResponseTime is how long the whole run may take before the verdict is
	// Degraded.
	MaxResponseTime time.Duration
}

// DefaultSettings returns the thresholds that suit most endpoints.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: 5 * time.Second, MinCertificateValidity: guard.DefaultCertificateValidity}
}

// maxBody is how much of a body is read, in bytes.
const maxBody = 4 << 20

// Probe is a check.Probe for one endpoint. Call Close at the end.
type Probe struct {
	settings Settings
	client   *http.Client
	// target is what a reason may say of the URL: no user, path or query.
	target string
	// json is nil when no JSON is expected.
	json *jsonMatcher
}

// New returns a probe. It fails when the method, the URL or the JSON path is none.
func New(s Settings) (*Probe, error) {
	request, err := http.NewRequestWithContext(context.Background(), s.Method, s.URL, nil)
	if err != nil {
		return nil, errors.New("the method or the url is malformed")
	}
	if request.URL.Scheme != "http" && request.URL.Scheme != "https" || request.URL.Host == "" {
		return nil, errors.New("url: want http:// or https:// and a host")
	}
	if s.MaxRedirects < 0 {
		return nil, fmt.Errorf("redirects: want 0 or more, got %d", s.MaxRedirects)
	}
	p := &Probe{settings: s, target: request.URL.Host}
	if s.JSON != nil {
		if p.json, err = s.JSON.compile(); err != nil {
			return nil, err
		}
	}
	if s.Client == nil {
		s.Client = &http.Client{Transport: guard.Transport(false)}
	}
	client := *s.Client
	client.CheckRedirect = guard.Redirects(s.MaxRedirects)
	p.client = &client
	return p, nil
}

// Run sends the request and reads the answer. Its steps are dns, connect and tls
// where a connection is made, request until the first byte of the answer, and
// body.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	var r check.Result
	start := time.Now()
	answer, steps, err := p.ask(ctx)
	took := time.Since(start)
	r.Steps = steps
	if answer.certificate != nil {
		r.Measurements = []check.Measurement{{
			Name: "http.certificate.expiry", Value: time.Until(answer.certificate.NotAfter).Seconds(),
		}}
	}
	r.State = check.Unhealthy
	if err != nil {
		r.ErrorType, r.Reason = p.explain(ctx, err, steps)
		return r, nil
	}
	r.ErrorType, r.Reason = p.judge(answer)
	if r.ErrorType != check.None {
		return r, nil
	}
	r.State = check.Healthy
	var exceeded []string
	if limit := p.settings.MaxResponseTime; limit > 0 && took > limit {
		exceeded = append(exceeded, fmt.Sprintf("%s answered after %v, more than %v", p.target, took.Round(time.Millisecond), limit))
	}
	if c := answer.certificate; c != nil && guard.ExpiresSoon(c, time.Now(), p.settings.MinCertificateValidity) {
		exceeded = append(exceeded, "the certificate expires at "+c.NotAfter.UTC().Format(time.RFC3339))
	}
	if len(exceeded) > 0 {
		r.State, r.ErrorType, r.Reason = check.Degraded, check.Assertion, strings.Join(exceeded, "; ")
	}
	return r, nil
}

// Close closes the idle connections of the client.
func (p *Probe) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

type answer struct {
	status int
	body   []byte
	// certificate is nil for plaintext.
	certificate *x509.Certificate
}

func (p *Probe) ask(ctx context.Context) (answer, []check.Step, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	trace := newTrace()
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace.hooks()), p.settings.Method, p.settings.URL, nil)
	if err != nil {
		return answer{}, nil, err
	}
	maps.Copy(request.Header, p.settings.Headers)
	if host := p.settings.Headers.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := p.client.Do(request)
	if err != nil {
		return answer{}, trace.end(), err
	}
	defer func() { _ = response.Body.Close() }()
	trace.begin("body")
	got := answer{status: response.StatusCode}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		got.certificate = response.TLS.PeerCertificates[0]
	}
	body := io.LimitReader(response.Body, maxBody)
	if p.json != nil {
		body = guard.JSON(response.Body, guard.DefaultLimits())
	}
	got.body, err = io.ReadAll(body)
	return got, trace.end(), err
}

// judge compares an answer with what is expected.
func (p *Probe) judge(got answer) (check.ErrorType, string) {
	s := p.settings
	expected := got.status >= 200 && got.status <= 299
	if len(s.ExpectedStatus) > 0 {
		expected = slices.Contains(s.ExpectedStatus, got.status)
	}
	switch {
	case !expected && (got.status == http.StatusUnauthorized || got.status == http.StatusForbidden):
		return check.Auth, fmt.Sprintf("%s does not let us in: status %d", p.target, got.status)
	case !expected:
		return check.Assertion, fmt.Sprintf("%s answered with status %d", p.target, got.status)
	case s.BodyContains != "" && !bytes.Contains(got.body, []byte(s.BodyContains)):
		return check.Assertion, p.target + ": the body does not contain the expected text"
	case s.BodyRegex != nil && !s.BodyRegex.Match(got.body):
		return check.Assertion, p.target + ": the body does not match the expected pattern"
	case p.json != nil:
		kind, reason := p.json.judge(got.body)
		if kind != check.None {
			reason = p.target + ": " + reason
		}
		return kind, reason
	default:
		return check.None, ""
	}
}

// explain turns an error into a line for a person. The client's texts hold the
// URL, and so what may be secret in it; they are never passed on.
func (p *Probe) explain(ctx context.Context, err error, steps []check.Step) (check.ErrorType, string) {
	reason := func(cause string) string { return p.target + ": " + cause }
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	during := "request"
	if len(steps) > 0 {
		during = steps[len(steps)-1].Name
	}
	kind := check.Classify(err, check.Protocol)
	if ctx.Err() != nil {
		kind = check.Timeout
	}
	switch kind {
	case check.Timeout:
		return kind, reason("no answer in time, waiting in step " + during)
	case check.DNS:
		return kind, reason("the name cannot be resolved")
	case check.Refused:
		return kind, reason("the connection was refused or reset")
	case check.TLS:
		return kind, reason("the TLS handshake failed")
	default:
		return kind, reason("the answer broke off or is not one of HTTP")
	}
}
