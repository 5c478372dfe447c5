// Package redis asks a Redis server, alone or in a cluster, whether it answers
// and what it says of itself. It keeps one connection between runs, and never
// reads or writes a key.
package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says which server to ask, as whom, and what is too much. A threshold
// of zero is off.
type Settings struct {
	// Endpoint is "host:port".
	Endpoint string
	// Username is empty for the default user, Password for none.
	Username string
	Password string
	// TLS is used for every connection; nil means plaintext. A ServerName that is
	// empty becomes the host of Endpoint.
	TLS *tls.Config
	// Dial opens connections; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxResponseTime is how long PING may take before the verdict is Degraded.
	MaxResponseTime time.Duration
}

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings { return Settings{MaxResponseTime: 500 * time.Millisecond} }

// Probe is a check.Probe for one Redis server. It keeps a connection: call Close
// at the end.
type Probe struct {
	settings Settings
	// client is nil before the first run and after a failed one.
	client *redis.Client
	// guard reads for the client.
	guard *guard
	// unwatch ends the watch that closes the connection when the run is over.
	unwatch func() bool

	// mu is held by a run. closed tells a run that outlives Close to clean up.
	mu     sync.Mutex
	closed atomic.Bool
}

// New returns a probe that has not connected yet. It fails when the endpoint is
// not host:port.
func New(s Settings) (*Probe, error) {
	host, port, err := net.SplitHostPort(s.Endpoint)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("endpoint %q: want host:port", s.Endpoint)
	}
	if s.Dial == nil {
		s.Dial = new(net.Dialer).DialContext
	}
	if s.TLS != nil {
		s.TLS = s.TLS.Clone()
		if s.TLS.ServerName == "" {
			s.TLS.ServerName = host
		}
	}
	return &Probe{settings: s}, nil
}

// Run connects unless a connection is there, sends PING and INFO, and CLUSTER
// NODES when the server is part of a cluster. Its steps are connect, ping, info
// and cluster.
//
// A kept connection that has died since the last run, as it does when the server
// restarts or a firewall forgets it, says nothing of the server as it is now: it
// is made anew, once, before there is a verdict.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	p.mu.Lock()
	defer func() {
		p.mu.Unlock()
		if p.closed.Load() {
			p.dropIfIdle()
		}
	}()
	var r check.Result
	kept := p.client != nil
	err := p.connectAndPing(ctx, &r)
	if err != nil && kept && stale(ctx, err) {
		p.drop()
		r.Steps = nil
		err = p.connectAndPing(ctx, &r)
	}
	var in info
	var nodes nodeCounts
	if err == nil {
		err = step(&r, "info", func() error {
			text, err := p.client.Info(ctx).Result()
			in = parseInfo(text)
			return err
		})
	}
	if err == nil && in.cluster {
		err = step(&r, "cluster", func() error {
			text, err := p.client.ClusterNodes(ctx).Result()
			if err == nil {
				nodes, err = parseNodes(text)
			}
			return err
		})
	}
	if err != nil {
		p.drop()
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
		return r, nil
	}
	p.unwatch()
	r.Measurements = measurements(in, nodes)
	r.State = check.Healthy
	if exceeded := p.exceeded(r.Steps, in, nodes); len(exceeded) > 0 {
		r.State, r.ErrorType, r.Reason = check.Degraded, check.Assertion, strings.Join(exceeded, "; ")
	}
	return r, nil
}

// Close ends the kept connection. A run that is still going on, because it was
// abandoned, ends it itself once it returns.
func (p *Probe) Close() error {
	p.closed.Store(true)
	p.dropIfIdle()
	return nil
}

func (p *Probe) dropIfIdle() {
	if p.mu.TryLock() {
		defer p.mu.Unlock()
		p.drop()
	}
}

func (p *Probe) connectAndPing(ctx context.Context, r *check.Result) error {
	if p.client == nil {
		err := step(r, "connect", func() error { return p.connect(ctx) })
		if err != nil {
			return err
		}
	}
	p.guard.refill()
	// The client heeds a deadline, but not the cancellation of a context. A
	// connection that is left in the middle of an answer is of no use anyway.
	guard := p.guard
	p.unwatch = context.AfterFunc(ctx, func() { _ = guard.Close() })
	return step(r, "ping", func() error {
		answer, err := p.client.Ping(ctx).Result()
		if err == nil && answer != "PONG" {
			return errNotPong
		}
		return err
	})
}

// stale is true for errors that a dead connection explains: the server has said
// nothing, and there is time left to ask it again.
func stale(ctx context.Context, err error) bool {
	return !answered(err) && ctx.Err() == nil && check.Classify(err, check.Protocol) != check.Timeout
}

// exceeded says what is wrong with a server that answers.
func (p *Probe) exceeded(steps []check.Step, in info, nodes nodeCounts) []string {
	var out []string
	for _, step := range steps {
		if limit := p.settings.MaxResponseTime; step.Name == "ping" && limit > 0 && step.Duration > limit {
			out = append(out, fmt.Sprintf("PING took %v, more than %v", step.Duration.Round(time.Millisecond), limit))
		}
	}
	if nodes.fail > 0 {
		out = append(out, fmt.Sprintf("%d of %d cluster nodes failed", nodes.fail, nodes.ok+nodes.pfail+nodes.fail))
	}
	if in.linkDown {
		out = append(out, "the replica has lost its primary")
	}
	return out
}

func measurements(in info, nodes nodeCounts) []check.Measurement {
	out := []check.Measurement{
		{Name: "redis.clients.connected", Value: in.clients},
		{Name: "redis.memory.used", Value: in.memory},
	}
	if in.maxMemory > 0 {
		out = append(out, check.Measurement{Name: "redis.memory.utilization", Value: in.memory / in.maxMemory})
	}
	if in.cluster {
		for _, n := range []struct {
			status string
			count  int
		}{{"ok", nodes.ok}, {"pfail", nodes.pfail}, {"fail", nodes.fail}} {
			out = append(out, check.Measurement{
				Name: "redis.cluster.nodes", Value: float64(n.count), Attributes: map[string]string{"status": n.status},
			})
		}
	}
	return out
}

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
