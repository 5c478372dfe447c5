// Package redis asks a Redis server, alone, in a cluster, or a sentinel, whether
// it answers and what it says of itself. It keeps one connection between runs, and
// reads or writes no key unless a round trip is asked for.
//
// Measurements, gauges unless marked:
//
//	name                             unit      attributes                description
//	redis.clients.connected          {client}                            Clients that are connected to the server.
//	redis.cluster.nodes              {node}    status: ok, pfail, fail   Nodes of the cluster, by status.
//	redis.cluster.slots_uncovered    {slot}                              Slots of the cluster that no working node serves.
//	redis.cluster.state              {state}                             1 if the cluster serves keys, 0 if it does not.
//	redis.keys.evicted               {key}                               Keys dropped to make room since the server started (monotonic sum).
//	redis.memory.used                By                                  Memory that the server has allocated.
//	redis.memory.utilization         1                                   Share of the memory allowed to the server that it has allocated; absent when there is no limit.
//	redis.replicas.connected         {replica}                           Replicas that follow the server; absent on a replica.
//	redis.replication.link_up        {state}                             1 if a replica is connected to its primary, else 0; absent on a primary.
//	redis.sentinel.masters           {master}  status: ok, sdown, odown  Masters that the sentinel watches: sdown is its own suspicion, odown what the quorum agreed on.
//	redis.sentinel.quorum_missing    {master}                            Masters for which too few sentinels are there to decide on a failover.
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
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
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
	// Dial opens connections; nil means that of guard.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// RoundTrip has each run write a key, read it and delete it. The key is random,
	// begins with KeyPrefix, and expires after a minute if it cannot be deleted.
	RoundTrip bool
	// MaxResponseTime is how long PING, and the round trip, may take before the
	// verdict is Degraded.
	MaxResponseTime time.Duration
	// MaxMemoryRatio is the share, 0 to 1, of the memory allowed to the server that
	// may be used before the verdict is Degraded. It counts only where the server
	// evicts nothing: a cache that does is meant to be full.
	MaxMemoryRatio float64
	// MaxEvictionRate is how many keys a second the server may evict between two
	// runs before the verdict is Degraded.
	MaxEvictionRate float64
}

// KeyPrefix is what the keys of round trips begin with, for rules of access.
const KeyPrefix = "watchkeeper:round-trip:"

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: 500 * time.Millisecond, MaxMemoryRatio: 0.9}
}

// Probe is a check.Probe for one Redis server. It keeps a connection: call Close
// at the end.
type Probe struct {
	settings Settings
	// client is nil before the first run and after a failed one.
	client *redis.Client
	// limiter reads for the client.
	limiter *limiter
	// unwatch ends the watch that closes the connection when the run is over.
	unwatch func() bool

	// mu is held by a run. closed tells a run that outlives Close to clean up.
	mu     sync.Mutex
	closed atomic.Bool

	evictions evictions
}

// New returns a probe that has not connected yet. It fails when the endpoint is
// not host:port.
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

// Run connects unless a connection is there, sends PING and INFO, CLUSTER NODES
// and CLUSTER INFO to a part of a cluster, SENTINEL MASTERS and CKQUORUM to a
// sentinel, and makes the round trip. Its steps are connect, ping, info, cluster,
// sentinel and round_trip, as far as they apply.
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
	var st standing
	if err == nil {
		err = p.inspect(ctx, &r, &st)
	}
	if err != nil {
		p.drop()
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
		return r, nil
	}
	p.unwatch()
	r.Measurements = st.measurements()
	var reasons []string
	if r.State, reasons = p.judge(r.Steps, st, time.Now()); r.State != check.Healthy {
		r.ErrorType, r.Reason = check.Assertion, strings.Join(reasons, "; ")
	}
	return r, nil
}

// inspect asks a server that answers for what it says of itself.
func (p *Probe) inspect(ctx context.Context, r *check.Result, st *standing) error {
	err := step(r, "info", func() error {
		text, err := p.client.Info(ctx).Result()
		st.info = parseInfo(text)
		return err
	})
	if err == nil && st.cluster {
		err = step(r, "cluster", func() (err error) {
			st.nodes, st.slots, err = readCluster(ctx, p.client)
			return err
		})
	}
	if err == nil && st.sentinel {
		err = step(r, "sentinel", func() (err error) {
			st.masters, err = readMasters(ctx, p.client)
			return err
		})
	}
	if err == nil && p.settings.RoundTrip && st.writable() {
		err = step(r, "round_trip", func() error { return roundTrip(ctx, p.client, st.nodes.own) })
	}
	return err
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
	p.limiter.refill()
	// The client heeds a deadline, but not the cancellation of a context. A
	// connection that is left in the middle of an answer is of no use anyway.
	limiter := p.limiter
	p.unwatch = context.AfterFunc(ctx, func() { _ = limiter.Close() })
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

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
