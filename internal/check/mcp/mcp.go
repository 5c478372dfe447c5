package mcp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// Probe is a check.Probe for one MCP server, and check.Stateful for the accepted
// contract. It remembers in which era the server lives. Call Close at the end.
type Probe struct {
	settings Settings
	// target is what a reason may say of the server.
	target string
	// era is the one of the last good run, empty when there is none.
	era       era
	contracts contracts
}

var (
	_ check.Stateful = (*Probe)(nil)
	_ check.Closer   = (*Probe)(nil)
)

// New returns a probe. It fails when the settings name no server that could be
// asked, or contradict themselves.
func New(s Settings) (*Probe, error) {
	s, target, err := s.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Probe{settings: s, target: target, contracts: contracts{settings: s.Contract}}, nil
}

// Run asks server/discover, and initialize where the server does not know it, then
// lists the tools if the server has any to offer, calls the canary if there is one,
// and ends the session or the server.
//
// It may return up to 200 ms after ctx is done: that long it tries to end a
// session, which would otherwise cost the server memory, or gives a server over
// stdio to end.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	run := &run{ctx: ctx, settings: &p.settings}
	start := time.Now()
	found, fault := p.ask(ctx, run)
	took := time.Since(start)
	if found.session != nil {
		// What goes wrong from here on is no fault of the answers.
		_ = found.session.Close()
	}
	run.end()

	r := check.Result{Steps: run.steps(), Measurements: run.expiries()}
	if found.session != nil {
		r.Measurements = append(r.Measurements, p.measure(&found)...)
	}
	if found.list.whole() {
		if notice := p.contracts.compare(p.target, found.list.tools); notice != nil {
			r.Notices = append(r.Notices, *notice)
		}
		r.Measurements = append(r.Measurements, p.contracts.differences()...)
	}
	switch {
	case fault.err != nil:
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = run.explain(p.target, fault.err)
	case fault.kind != check.None:
		r.State, r.ErrorType, r.Reason = check.Unhealthy, fault.kind, fault.reason
	default:
		if r.Reason = p.tooMuch(run, &found, took); r.Reason != "" {
			r.State, r.ErrorType = check.Degraded, check.Assertion
		} else {
			r.State = check.Healthy
		}
	}
	return r, nil
}

// Close closes the idle connections of the client.
func (p *Probe) Close() error {
	p.settings.Client.CloseIdleConnections()
	return nil
}

// State returns the accepted contract as versioned JSON of at most 1 MiB, or nil
// before there is one. It holds the names of tools and of their parameters, and
// hashes.
func (p *Probe) State() ([]byte, error) { return p.contracts.state() }

// Restore takes what State returned. After an error, which says what is wrong with
// the state, the next contract that is seen is accepted.
func (p *Probe) Restore(state []byte) error { return p.contracts.restore(state) }

// findings are what was learnt, as far as a run came.
type findings struct {
	session *mcp.ClientSession
	list    toolList
}

// fault is why a run did not come to its end: an error of the conversation, or
// something of which the server spoke clearly.
type fault struct {
	err    error
	kind   check.ErrorType
	reason string
}

func (p *Probe) ask(ctx context.Context, run *run) (findings, fault) {
	var found findings
	session, err := p.connect(ctx, run)
	if err != nil {
		return found, fault{err: err}
	}
	found.session = session
	version := session.InitializeResult().ProtocolVersion
	if want := p.settings.Protocol; want != Auto && version != want {
		return found, fault{kind: check.Assertion, reason: fmt.Sprintf("%s speaks protocol %s, not %s", p.target, knownVersion(version), want)}
	}
	found.list, err = listTools(ctx, session, p.settings.MaxTools)
	if err != nil {
		return found, fault{err: err}
	}
	if p.settings.Canary == nil {
		return found, fault{}
	}
	return found, p.call(ctx, session)
}

// tooMuch says which threshold is passed, if any is.
func (p *Probe) tooMuch(run *run, found *findings, took time.Duration) string {
	s := &p.settings
	run.mu.Lock()
	certificate, token := run.certificate, run.token
	run.mu.Unlock()
	switch {
	case found.list.endless:
		return fmt.Sprintf("%s lists its tools on more than %d pages", p.target, maxPages)
	case found.list.more:
		return fmt.Sprintf("%s lists more than %d tools", p.target, found.list.count)
	case s.MaxResponseTime > 0 && took > s.MaxResponseTime:
		return fmt.Sprintf("%s answered after %v, more than %v", p.target, took.Round(time.Millisecond), s.MaxResponseTime)
	case certificate != nil && guard.ExpiresSoon(certificate, time.Now(), s.MinCertificateValidity):
		return fmt.Sprintf("the certificate of %s is valid for only %v more", p.target, left(certificate.NotAfter))
	case s.MinTokenValidity > 0 && !token.IsZero() && time.Until(token) < s.MinTokenValidity:
		return fmt.Sprintf("the token for %s is valid for only %v more", p.target, left(token))
	default:
		return ""
	}
}

func left(expires time.Time) time.Duration { return time.Until(expires).Round(time.Second) }

func (p *Probe) measure(found *findings) []check.Measurement {
	version := found.session.InitializeResult().ProtocolVersion
	attributes := map[string]string{"mcp.protocol.version": knownVersion(version)}
	measurements := []check.Measurement{{Name: "mcp.protocol.info", Value: 1, Attributes: map[string]string{
		"mcp.protocol.version": knownVersion(version), "mcp.protocol.era": string(eraOf(version)),
	}}}
	if list := found.list; list.known {
		measurements = append(measurements,
			check.Measurement{Name: "mcp.tools", Value: float64(list.count), Attributes: attributes},
			check.Measurement{Name: "mcp.tools.definition_size", Value: float64(list.size), Attributes: attributes},
			check.Measurement{Name: "mcp.tools.definition_tokens", Value: float64(tokens(list.characters)), Attributes: attributes},
		)
	}
	return measurements
}

// expiries returns how long what the run came across is still valid.
func (r *run) expiries() []check.Measurement {
	r.mu.Lock()
	defer r.mu.Unlock()
	var measurements []check.Measurement
	if c := r.certificate; c != nil {
		measurements = append(measurements, check.Measurement{Name: "mcp.certificate.expiry", Value: time.Until(c.NotAfter).Seconds()})
	}
	if !r.token.IsZero() {
		measurements = append(measurements, check.Measurement{Name: "mcp.token.expiry", Value: time.Until(r.token).Seconds()})
	}
	return measurements
}

// knownVersion keeps what a server claims from becoming an attribute.
func knownVersion(version string) string {
	if slices.Contains(Versions(), version) {
		return version
	}
	return "other"
}
