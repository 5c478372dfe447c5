// Package a2a asks an agent that speaks the Agent2Agent protocol for its card,
// judges it, and may send the agent a message.
//
// Measurements, gauges all:
//
//	name                     unit         attributes                                 description
//	a2a.agent.card.size      By                                                      Size of the agent's card.
//	a2a.agent.interfaces     {interface}  a2a.protocol.version, a2a.protocol.binding  Interfaces that the agent's card claims.
//	a2a.agent.skills         {skill}                                                 Skills that the agent's card claims.
//	http.certificate.expiry  s                                                       Time until the server's certificate expires; negative when it has.
//
// a2a.protocol.version is one of 0.1, 0.2, 0.3, 1.0 and other; a2a.protocol.binding
// one of jsonrpc, grpc, http_json and other. A combination that the card does not
// claim is not measured.
package a2a

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/a2aproject/a2a-go/v2/log"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// Settings says which agent to ask and what is expected. A threshold of zero is
// off.
type Settings struct {
	// URL is where the agent is: its card is looked for at
	// /.well-known/agent-card.json below it, and then at the older
	// /.well-known/agent.json. A URL that ends in ".json" is that of the card.
	URL string
	// Client sends the requests, and owns TLS, proxies and authentication; nil means
	// a client on guard.Dialer. It is not changed. Redirects are never followed.
	Client *http.Client
	// Headers are sent with every request to the scheme, host and port of URL, and
	// to no other.
	Headers http.Header
	// Canary is sent to the agent after the card was read; nil means none.
	Canary *Canary
	// CheckInterfaces has the probe connect to each interface that the card claims;
	// one that cannot be reached makes the verdict Degraded.
	CheckInterfaces bool
	// AllowOtherHosts lets the canary and CheckInterfaces use interfaces on other
	// hosts than that of URL. What a card says comes from outside: without this, it
	// cannot send the probe anywhere.
	AllowOtherHosts bool
	// Dial is for CheckInterfaces; nil means that of guard.Dialer.
	Dial guard.DialFunc
	// MaxResponseTime is how long getting the card may take before the verdict is
	// Degraded.
	MaxResponseTime time.Duration
	// MinCertificateValidity is how much longer the certificate of the server must
	// be valid, else the verdict is Degraded. A certificate made for less than
	// three times as long need not be valid for more than a third of its life.
	MinCertificateValidity time.Duration
}

// Canary is a message that an agent must be able to answer.
type Canary struct {
	// Message is the text to send; it must not be empty.
	Message string
	// Expect must match in the text of the answer; nil means that any answer will
	// do, unless it says that the agent failed.
	Expect *regexp.Regexp
}

// DefaultSettings returns the thresholds that suit most agents.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: 2 * time.Second, MinCertificateValidity: guard.DefaultCertificateValidity}
}

// Probe is a check.Probe for one agent. Call Close at the end.
type Probe struct {
	settings Settings
	client   *http.Client
	// origin is that of the card's URL, and paths are where to look for the card.
	origin *url.URL
	paths  []string
}

// The places of a card: that of protocol 0.3 and newer, and the one before.
const (
	wellKnown    = "/.well-known/agent-card.json"
	wellKnownOld = "/.well-known/agent.json"
)

// New returns a probe. It fails when the URL or the canary is none.
func New(s Settings) (*Probe, error) {
	origin, err := url.Parse(s.URL)
	if err != nil || origin.Scheme != "http" && origin.Scheme != "https" || origin.Host == "" {
		return nil, errors.New("url: want http:// or https:// and a host")
	}
	if s.Canary != nil && s.Canary.Message == "" {
		return nil, errors.New("canary: the message must not be empty")
	}
	if s.Client == nil {
		s.Client = &http.Client{Transport: guard.Transport(false)}
	}
	if s.Dial == nil {
		s.Dial = guard.Dialer(false).DialContext
	}
	p := &Probe{settings: s, origin: origin, paths: []string{s.URL}}
	if !strings.HasSuffix(origin.Path, ".json") {
		p.paths = []string{origin.JoinPath(wellKnown).String(), origin.JoinPath(wellKnownOld).String()}
	}
	client := *s.Client
	client.CheckRedirect = guard.Redirects(0)
	client.Transport = guard.JSONBodies(&headers{next: orDefault(client.Transport), origin: origin, add: s.Headers}, guard.DefaultLimits())
	p.client = &client
	return p, nil
}

func orDefault(t http.RoundTripper) http.RoundTripper {
	if t == nil {
		return http.DefaultTransport
	}
	return t
}

// Run gets the card, judges it, and sends the canary. Its steps are card,
// interfaces and canary, the last two where they are asked for.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	// What the SDK wants to log holds texts of the agent.
	ctx = log.AttachLogger(ctx, slog.New(slog.DiscardHandler))
	var r check.Result
	var got fetched
	err := step(&r, "card", func() (err error) {
		got, err = p.fetch(ctx)
		return err
	})
	if got.certificate != nil {
		r.Measurements = append(r.Measurements, check.Measurement{
			Name: "http.certificate.expiry", Value: time.Until(got.certificate.NotAfter).Seconds(),
		})
	}
	var c card
	if err == nil {
		c, err = parseCard(got.body)
	}
	if err != nil {
		return p.failed(ctx, r, err), nil
	}
	r.Measurements = append(r.Measurements, c.measurements(len(got.body))...)

	exceeded := p.exceeded(r.Steps[0].Duration, got, c)
	if p.settings.CheckInterfaces {
		_ = step(&r, "interfaces", func() error {
			exceeded = append(exceeded, p.unreachable(ctx, c)...)
			return nil
		})
	}
	if p.settings.Canary != nil {
		if err := step(&r, "canary", func() error { return p.canary(ctx, c) }); err != nil {
			return p.failed(ctx, r, err), nil
		}
	}
	r.State = check.Healthy
	if len(exceeded) > 0 {
		r.State, r.ErrorType, r.Reason = check.Degraded, check.Assertion, p.origin.Host+": "+strings.Join(exceeded, "; ")
	}
	return r, nil
}

// Close closes the idle connections of the client.
func (p *Probe) Close() error {
	p.client.CloseIdleConnections()
	return nil
}

func (p *Probe) failed(ctx context.Context, r check.Result, err error) check.Result {
	r.State = check.Unhealthy
	r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
	return r
}

// exceeded says what is wrong with an agent that has a card.
func (p *Probe) exceeded(took time.Duration, got fetched, c card) []string {
	var out []string
	if len(c.lacks) > 0 {
		out = append(out, "the card lacks "+strings.Join(c.lacks, ", "))
	}
	if limit := p.settings.MaxResponseTime; limit > 0 && took > limit {
		out = append(out, fmt.Sprintf("the card took %v, more than %v", took.Round(time.Millisecond), limit))
	}
	if got.certificate != nil && guard.ExpiresSoon(got.certificate, time.Now(), p.settings.MinCertificateValidity) {
		out = append(out, "the certificate expires at "+got.certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	return out
}

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
