package mcp

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// latestLegacy is the last version of the protocol that has sessions.
const latestLegacy = "2025-11-25"

// era tells the versions of the protocol apart by how a conversation begins.
type era string

const (
	stateless era = "stateless"
	session   era = "session"
)

func eraOf(version string) era {
	if version <= latestLegacy {
		return session
	}
	return stateless
}

// connect begins in the era of the last good run, and tries the other one where
// the server has moved on since.
func (p *Probe) connect(ctx context.Context, run *run) (*mcp.ClientSession, error) {
	if p.settings.Protocol != Auto {
		return connectAs(ctx, run, p.settings.Protocol, false)
	}
	known := p.era
	p.era = ""
	var (
		client *mcp.ClientSession
		err    error
	)
	if known == session {
		client, err = connectAs(ctx, run, latestLegacy, false)
		if err != nil && !run.refused() && !run.ended() {
			p.era = known
			return nil, err
		}
	}
	if client == nil {
		// The SDK falls back to initialize by itself, on the same connection.
		client, err = connectAs(ctx, run, "", known == "")
		switch {
		case err == nil:
		case run.ended() && known != session:
			// There are old servers over stdio that end at what they do not know.
			client, err = connectAs(ctx, run, latestLegacy, false)
		case run.refused() && run.impatient.Load():
			// It was not an old server, but a slow one.
			client, err = connectAs(ctx, run, "", false)
		}
	}
	switch {
	case err == nil:
		p.era = eraOf(client.InitializeResult().ProtocolVersion)
	case known == stateless && ctx.Err() == nil:
		p.era = known
	}
	return client, err
}

// connectAs begins a conversation in one version of the protocol, the newest if it
// is empty. Probing says that it is not known whether the server speaks it.
func connectAs(ctx context.Context, run *run, version string, probing bool) (*mcp.ClientSession, error) {
	client := mcp.NewClient(
		&mcp.Implementation{Name: "watchkeeper", Version: "1"},
		&mcp.ClientOptions{
			Capabilities:   &mcp.ClientCapabilities{},
			MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
		},
	)
	client.AddSendingMiddleware(run.observe(probing))
	transport := run.overHTTP
	if len(run.settings.Command) > 0 {
		transport = run.overStdio
	}
	return client.Connect(ctx, transport(), &mcp.ClientSessionOptions{ProtocolVersion: version})
}
