package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.opentelemetry.io/otel/attribute"

	mcptrace "github.com/watchkeeper/watchkeeper/sdk/mcp"
)

// pool keeps sessions with one MCP server open for one service. It is safe for
// concurrent use.
type pool struct {
	client   *mcp.Client
	endpoint string
	web      *http.Client

	mu     sync.Mutex
	idle   []*mcp.ClientSession
	active int
}

func newPool(s *service, server, endpoint string) (*pool, error) {
	address, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("MCP server %q: %w", endpoint, err)
	}
	port, _ := strconv.Atoi(address.Port())
	p := &pool{
		endpoint: endpoint,
		// The messages have spans; those of HTTP would say it all again.
		web:    &http.Client{Transport: s.base},
		client: mcp.NewClient(&mcp.Implementation{Name: s.name, Version: "1.0.0"}, nil),
	}
	mcptrace.InstrumentClient(p.client, mcptrace.WithTracerProvider(s.tracers), mcptrace.WithAttributes(
		attribute.String("server.address", address.Hostname()), attribute.Int("server.port", port),
		attribute.String("network.transport", "tcp")))
	// It is asked until the service's telemetry ends.
	_, err = s.kit.ObserveMCPPool(server, func() (active, idle int64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return int64(p.active), int64(len(p.idle))
	})
	return p, err
}

// take returns a session that nobody else uses; give it back.
func (p *pool) take(ctx context.Context) (*mcp.ClientSession, error) {
	p.mu.Lock()
	p.active++
	if n := len(p.idle); n > 0 {
		session := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return session, nil
	}
	p.mu.Unlock()
	// A session lives longer than the work that it is opened for.
	session, err := p.client.Connect(context.WithoutCancel(ctx), &mcp.StreamableClientTransport{
		Endpoint: p.endpoint, HTTPClient: p.web, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		p.mu.Lock()
		p.active--
		p.mu.Unlock()
		return nil, fmt.Errorf("connecting to MCP server %q: %w", p.endpoint, err)
	}
	return session, nil
}

// give takes a session back, and closes it if it may be broken.
func (p *pool) give(session *mcp.ClientSession, err error) {
	p.mu.Lock()
	p.active--
	if err == nil {
		p.idle = append(p.idle, session)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	_ = session.Close()
}

// close closes the sessions that wait.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, session := range p.idle {
		errs = append(errs, session.Close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
