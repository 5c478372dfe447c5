// Package mcp asks an MCP server over streamable HTTP whether it answers and
// which tools it offers, in whichever era of the protocol the server lives:
// since 2026-07-28 there are no sessions and server/discover is the cheap call;
// before, a session began with initialize.
package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says which server to ask and what is too much. A threshold of zero is
// off.
type Settings struct {
	// Endpoint is the URL of the server, http or https.
	Endpoint string
	// Client sends the requests, and owns TLS and authentication; nil means
	// http.DefaultClient. It is not changed. Redirects are never followed.
	Client *http.Client
	// MaxResponseTime is how long the whole run may take before the verdict is
	// Degraded.
	MaxResponseTime time.Duration
	// MaxTools is how many tools are counted at most; a server that lists more is
	// Degraded. Zero means the default.
	MaxTools int
}

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: 5 * time.Second, MaxTools: 1000}
}

// latestLegacy is the last version of the protocol that has sessions.
const latestLegacy = "2025-11-25"

// maxPages bounds a list whose pages hold next to nothing.
const maxPages = 100

// Probe is a check.Probe for one MCP server. It remembers in which era the server
// lives. Call Close at the end.
type Probe struct {
	settings Settings
	// target is what a reason may say of the URL: no user, path or query.
	target string
	// legacy is true when the last good run needed initialize.
	legacy bool
}

// New returns a probe. It fails when the endpoint is no URL to post to.
func New(s Settings) (*Probe, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("endpoint: want http:// or https:// and a host")
	}
	if s.MaxTools < 0 {
		return nil, fmt.Errorf("max tools %d: must not be negative", s.MaxTools)
	}
	if s.MaxTools == 0 {
		s.MaxTools = DefaultSettings().MaxTools
	}
	if s.Client == nil {
		s.Client = http.DefaultClient
	}
	return &Probe{settings: s, target: u.Host}, nil
}

// Run asks server/discover, and initialize where the server does not know it, then
// lists the tools if the server has any to offer, and ends the session if there is
// one. Its steps are discover, initialize and list, as far as they were needed.
//
// It may return up to a second after ctx is done: that long it tries to end a
// session, which would otherwise cost the server memory.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	run := &run{ctx: ctx, next: p.settings.Client.Transport}

	session, err := p.connect(ctx, run)
	var tools toolList
	if err == nil {
		tools, err = listTools(ctx, session, p.settings.MaxTools)
		version := session.InitializeResult().ProtocolVersion
		p.legacy = version <= latestLegacy
		// What goes wrong from here on is no fault of the answers.
		_ = session.Close()
	}
	r := check.Result{Steps: run.steps}
	if err != nil {
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = run.explain(p.target, err)
		return r, nil
	}

	r.State = check.Healthy
	attributes := map[string]string{"mcp.protocol.version": knownVersion(session.InitializeResult().ProtocolVersion)}
	r.Measurements = []check.Measurement{
		{Name: "mcp.tools", Value: float64(tools.count), Attributes: attributes},
		{Name: "mcp.tools.definition_size", Value: float64(tools.size), Attributes: attributes},
	}
	took := time.Since(start)
	switch limit := p.settings.MaxResponseTime; {
	case tools.more:
		r.State, r.ErrorType = check.Degraded, check.Assertion
		r.Reason = fmt.Sprintf("%s lists more than %d tools", p.target, tools.count)
	case limit > 0 && took > limit:
		r.State, r.ErrorType = check.Degraded, check.Assertion
		r.Reason = fmt.Sprintf("%s answered after %v, more than %v", p.target, took.Round(time.Millisecond), limit)
	}
	return r, nil
}

// Close closes the idle connections of the client.
func (p *Probe) Close() error {
	p.settings.Client.CloseIdleConnections()
	return nil
}

// connect begins in the era of the last good run, and tries the other one where
// the server has moved on since.
func (p *Probe) connect(ctx context.Context, run *run) (*mcp.ClientSession, error) {
	if p.legacy {
		session, err := p.connectAs(ctx, run, latestLegacy)
		if err == nil || !run.refused() {
			return session, err
		}
	}
	// The SDK falls back to initialize by itself.
	return p.connectAs(ctx, run, "")
}

func (p *Probe) connectAs(ctx context.Context, run *run, version string) (*mcp.ClientSession, error) {
	client := mcp.NewClient(
		&mcp.Implementation{Name: "watchkeeper", Version: "1"},
		&mcp.ClientOptions{Capabilities: &mcp.ClientCapabilities{}},
	)
	client.AddSendingMiddleware(run.observe)
	httpClient := *p.settings.Client
	httpClient.Transport = run
	httpClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:             p.settings.Endpoint,
		HTTPClient:           &httpClient,
		MaxRetries:           -1,
		DisableStandaloneSSE: true,
		MaxEventSize:         maxBody,
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
}

type toolList struct {
	count int
	// size is that of the definitions in JSON, in bytes: what an agent pays for in
	// every context.
	size int
	// more is true when there are more than were counted.
	more bool
}

func listTools(ctx context.Context, session *mcp.ClientSession, limit int) (toolList, error) {
	var list toolList
	capabilities := session.InitializeResult().Capabilities
	if capabilities == nil || capabilities.Tools == nil {
		return list, nil
	}
	params := &mcp.ListToolsParams{}
	for range maxPages {
		page, err := session.ListTools(ctx, params)
		if err != nil {
			return list, err
		}
		for _, tool := range page.Tools {
			if list.count == limit {
				list.more = true
				return list, nil
			}
			definition, err := json.Marshal(tool)
			if err != nil {
				return list, err
			}
			list.count++
			list.size += len(definition)
		}
		if page.NextCursor == "" {
			return list, nil
		}
		params = &mcp.ListToolsParams{Cursor: page.NextCursor}
	}
	list.more = true
	return list, nil
}

// knownVersion keeps what a server claims from becoming an attribute.
func knownVersion(version string) string {
	if slices.Contains(mcp.SupportedProtocolVersions(), version) {
		return version
	}
	return "other"
}
