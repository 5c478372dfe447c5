// Package postgres asks a PostgreSQL server whether it answers queries and
// whether it is about to run out of connections.
//
// It keeps one connection between runs, because a probe that opens a new one
// each time adds to the exhaustion that it should find. It only reads, takes
// nothing from the environment, and works behind PgBouncer. A user who may log in
// and is a member of pg_monitor sees all that it measures; one who is not misses
// what is marked with an asterisk below.
//
// Measurements, gauges all, with the attribute server.address:
//
//	name                                  unit          description
//	database.connection_pool.active*      {connection}  Connections of clients that are running a query.
//	database.connection_pool.utilization  1             Share of the connections open to ordinary users that are taken.
//	database.connection_pool.waiting*     {connection}  Connections of clients that are waiting for a lock.
//	database.replication.lag              s             Time by which the data of a replica is behind its primary; absent on a primary, and on a replica that cannot tell.
//	database.size                         By            Size of the database on disk.
//	database.transaction.oldest_age*      s             Age of the oldest transaction of a client; 0 if there is none.
package postgres

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says which server to ask, as whom, and what is too much. A threshold
// of zero is off.
type Settings struct {
	// Endpoint is "host:port".
	Endpoint string
	// Username and Database are required: nothing is guessed from the environment.
	Username string
	Password string
	Database string
	// TLS is used for every connection; nil means plaintext. A ServerName that is
	// empty becomes the host of Endpoint.
	TLS *tls.Config
	// Dial opens connections; nil means that of guard.Dialer. It gets the host by
	// name.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxResponseTime is how long the first query may take before the verdict is
	// Degraded.
	MaxResponseTime time.Duration
	// MaxActiveConnections is how many connections may be running a query before
	// the verdict is Degraded.
	MaxActiveConnections int
	// MaxConnectionsRatio is the share, 0 to 1, of the connections open to
	// ordinary users that may be taken before the verdict is Degraded.
	MaxConnectionsRatio float64
	// MaxWaitingConnections is how many connections may be waiting for a lock before
	// the verdict is Degraded.
	MaxWaitingConnections int
	// MaxTransactionAge is how old the oldest transaction may be before the verdict
	// is Degraded: it keeps the server from cleaning up behind it.
	MaxTransactionAge time.Duration
	// MaxReplicationLag is how far the data of a replica may be behind its primary
	// before the verdict is Degraded. On a primary it means nothing.
	MaxReplicationLag time.Duration
}

// DefaultSettings returns the thresholds that suit most servers.
func DefaultSettings() Settings {
	return Settings{MaxResponseTime: time.Second, MaxActiveConnections: 80, MaxConnectionsRatio: 0.9}
}

// Probe is a check.Probe for one PostgreSQL server. It keeps a connection: call
// Close at the end.
type Probe struct {
	settings Settings
	config   *pgconn.Config
	// conn is nil before the first run and after a failed one.
	conn *pgconn.PgConn

	// mu is held by a run. closed tells a run that outlives Close to clean up.
	mu     sync.Mutex
	closed atomic.Bool
}

// New returns a probe that has not connected yet. It fails when the settings
// cannot be those of a server.
func New(s Settings) (*Probe, error) {
	config, err := connConfig(s)
	if err != nil {
		return nil, err
	}
	return &Probe{settings: s, config: config}, nil
}

// Run connects unless a connection is there, selects 1, and reads how many
// connections there are and how large the database is. Its steps are connect,
// query and statistics.
//
// A kept connection that has died since the last run, as it does when the server
// restarts or a firewall forgets it, says nothing of the server as it is now: it
// is made anew, once, before there is a verdict.
//
// The number of active connections is measured only where the user may see what
// others do, by being a member of pg_monitor or pg_read_all_stats.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	p.mu.Lock()
	defer func() {
		p.mu.Unlock()
		if p.closed.Load() {
			p.dropIfIdle()
		}
	}()
	var r check.Result
	kept := p.conn != nil
	err := p.connectAndQuery(ctx, &r)
	if err != nil && kept && ctx.Err() == nil {
		p.drop()
		r.Steps = nil
		err = p.connectAndQuery(ctx, &r)
	}
	var st statistics
	if err == nil {
		err = step(&r, "statistics", func() (err error) {
			st, err = readStatistics(ctx, p.conn)
			return err
		})
	}
	if err != nil {
		p.drop()
		r.State = check.Unhealthy
		r.ErrorType, r.Reason = p.explain(ctx, err, r.Steps[len(r.Steps)-1].Name)
		return r, nil
	}
	r.Measurements = st.measurements(p.settings.Endpoint)
	r.State = check.Healthy
	if exceeded := p.exceeded(r.Steps, st); len(exceeded) > 0 {
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

func (p *Probe) connectAndQuery(ctx context.Context, r *check.Result) error {
	if p.conn == nil {
		err := step(r, "connect", func() (err error) {
			config := p.config.Copy()
			config.DialFunc = dialOnce(config.DialFunc)
			p.conn, err = pgconn.ConnectConfig(ctx, config)
			return err
		})
		if err != nil {
			return err
		}
	}
	return step(r, "query", func() error {
		row, err := queryRow(ctx, p.conn, "SELECT 1")
		if err != nil {
			return err
		}
		if len(row) != 1 || string(row[0]) != "1" {
			return errNotOne
		}
		return nil
	})
}

// exceeded says which thresholds are passed.
func (p *Probe) exceeded(steps []check.Step, st statistics) []string {
	var out []string
	s := p.settings
	for _, step := range steps {
		if step.Name == "query" && s.MaxResponseTime > 0 && step.Duration > s.MaxResponseTime {
			out = append(out, fmt.Sprintf("the query took %v, more than %v", step.Duration.Round(time.Millisecond), s.MaxResponseTime))
		}
	}
	if s.MaxActiveConnections > 0 && st.activeKnown && st.active > s.MaxActiveConnections {
		out = append(out, fmt.Sprintf("%d active connections, more than %d", st.active, s.MaxActiveConnections))
	}
	if s.MaxConnectionsRatio > 0 && st.ratio() > s.MaxConnectionsRatio {
		out = append(out, fmt.Sprintf("%d of %d connections are taken, more than a share of %v", st.connections, st.limit, s.MaxConnectionsRatio))
	}
	if s.MaxWaitingConnections > 0 && st.activeKnown && st.waiting > s.MaxWaitingConnections {
		out = append(out, fmt.Sprintf("%d connections wait for a lock, more than %d", st.waiting, s.MaxWaitingConnections))
	}
	if s.MaxTransactionAge > 0 && st.activeKnown && st.oldest > s.MaxTransactionAge.Seconds() {
		out = append(out, fmt.Sprintf("the oldest transaction has lasted for %s, more than %v", duration(st.oldest), s.MaxTransactionAge))
	}
	if s.MaxReplicationLag > 0 && st.lagKnown && st.lag > s.MaxReplicationLag.Seconds() {
		out = append(out, fmt.Sprintf("the replica is %s behind its primary, more than %v", duration(st.lag), s.MaxReplicationLag))
	}
	return out
}

// duration is exact enough for a person, and for all a server may say.
func duration(seconds float64) string {
	if seconds > 1e9 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}

// drop ends the connection at once. After a failed query pgconn would linger in
// the background to be polite to a server that may not answer; nothing is owed to
// the server here, because statement_timeout ends what it may still be doing.
func (p *Probe) drop() {
	if p.conn == nil {
		return
	}
	conn := p.conn
	p.conn = nil
	if !conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
		return
	}
	_ = conn.Conn().Close()
	<-conn.CleanupDone()
}

func step(r *check.Result, name string, do func() error) error {
	start := time.Now()
	err := do()
	r.Steps = append(r.Steps, check.Step{Name: name, Duration: time.Since(start)})
	return err
}
