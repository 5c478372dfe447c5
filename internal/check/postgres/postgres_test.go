package postgres

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/checktest"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func settings(endpoint string) Settings {
	s := DefaultSettings()
	s.Endpoint = endpoint
	s.Username, s.Password, s.Database = peers.PostgresUser, peers.PostgresPassword, "postgres"
	return s
}

func newProbe(t *testing.T, s Settings) *Probe {
	t.Helper()
	p, err := New(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// run runs p once and has the engine's promises kept: a reason if and only if
// there is a fault, in one line, without a credential.
func run(t *testing.T, p *Probe, timeout time.Duration) check.Result {
	t.Helper()
	r := checktest.Run(t, p, timeout)
	require.Equal(t, r.State == check.Healthy, r.ErrorType == check.None)
	require.Equal(t, r.State == check.Healthy, r.Reason == "")
	require.NotContains(t, r.Reason, "\n")
	require.NotContains(t, r.Reason, p.settings.Username)
	if p.settings.Password != "" {
		require.NotContains(t, r.Reason, p.settings.Password)
	}
	return r
}

func steps(r check.Result) []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	return names
}

func connect(t *testing.T, endpoint, user, password string) *pgx.Conn {
	t.Helper()
	host, port, err := net.SplitHostPort(endpoint)
	require.NoError(t, err)
	var conn *pgx.Conn
	// The slot of a connection that was closed is free a moment later.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		conn, err = pgx.Connect(t.Context(), "host="+host+" port="+port+" user="+user+" dbname=postgres sslmode=disable password='"+password+"'")
		require.NoError(c, err)
	}, 20*time.Second, 10*time.Millisecond)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func admin(t *testing.T, endpoint string) *pgx.Conn {
	t.Helper()
	return connect(t, endpoint, peers.PostgresUser, peers.PostgresPassword)
}

func TestHealthyServerTellsItsConnectionsAndSize(t *testing.T) {
	server := peers.Postgres(t, "max_connections=10", "superuser_reserved_connections=2")
	p := newProbe(t, settings(server.Endpoint))

	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State)
	require.Equal(t, []string{"connect", "query", "statistics"}, steps(r))
	require.Len(t, r.Measurements, 5)
	at := map[string]string{"server.address": server.Endpoint}
	require.Equal(t, check.Measurement{Name: "database.connection_pool.active", Value: 0, Attributes: at}, r.Measurements[0])
	require.Equal(t, check.Measurement{Name: "database.connection_pool.utilization", Value: 1.0 / 8, Attributes: at}, r.Measurements[1])
	require.Equal(t, "database.size", r.Measurements[2].Name)
	require.Equal(t, at, r.Measurements[2].Attributes)
	require.Greater(t, r.Measurements[2].Value, 1e6)
	require.Equal(t, check.Measurement{Name: "database.connection_pool.waiting", Value: 0, Attributes: at}, r.Measurements[3])
	require.Equal(t, check.Measurement{Name: "database.transaction.oldest_age", Value: 0, Attributes: at}, r.Measurements[4])

	var before, after int
	conn := admin(t, server.Endpoint)
	const pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'watchkeeper'"
	require.NoError(t, conn.QueryRow(t.Context(), pid).Scan(&before))
	r = run(t, p, 5*time.Second)
	require.Equal(t, []string{"query", "statistics"}, steps(r), "the connection is kept")
	require.NoError(t, conn.QueryRow(t.Context(), pid).Scan(&after))
	require.Equal(t, before, after)

	t.Run("TheQueryTakesLongerThanAllowed", func(t *testing.T) {
		s := settings(server.Endpoint)
		s.MaxResponseTime = time.Nanosecond
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Degraded, r.State)
		require.Equal(t, check.Assertion, r.ErrorType)
		require.Regexp(t, `^the query took \S+s, more than 1ns$`, r.Reason)
	})

	t.Run("WrongPassword", func(t *testing.T) {
		s := settings(server.Endpoint)
		s.Username, s.Password = "monitor", "hunter2"
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, check.Auth, r.ErrorType)
		require.Equal(t, "connecting to "+server.Endpoint+": authentication failed (SQLSTATE 28P01)", r.Reason)
		require.Equal(t, []string{"connect"}, steps(r))
	})

	t.Run("UnknownDatabase", func(t *testing.T) {
		s := settings(server.Endpoint)
		s.Database = "nowhere"
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Protocol, r.ErrorType)
		require.Equal(t, "connecting to "+server.Endpoint+": the database does not exist (SQLSTATE 3D000)", r.Reason)
	})

	t.Run("UserWhoMayNotSeeOthersIsToldNoActiveConnections", func(t *testing.T) {
		_, err := conn.Exec(t.Context(), "CREATE USER onlooker PASSWORD 'secret'")
		require.NoError(t, err)
		s := settings(server.Endpoint)
		s.Username, s.Password = "onlooker", "secret"
		p := newProbe(t, s)
		r := run(t, p, 5*time.Second)
		require.Equal(t, check.Healthy, r.State)
		require.Len(t, r.Measurements, 2)
		require.Equal(t, "database.connection_pool.utilization", r.Measurements[0].Name)
		require.GreaterOrEqual(t, r.Measurements[0].Value, 2.0/8)

		_, err = conn.Exec(t.Context(), "GRANT pg_monitor TO onlooker")
		require.NoError(t, err)
		require.Len(t, run(t, p, 5*time.Second).Measurements, 5)
	})

	t.Run("NothingIsTakenFromTheEnvironment", func(t *testing.T) {
		home := t.TempDir()
		host, port, err := net.SplitHostPort(server.Endpoint)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(home, ".pgpass"),
			[]byte(host+":"+port+":*:*:"+peers.PostgresPassword+"\n"), 0o600))
		for name, value := range map[string]string{
			"HOME": home, "PGPASSWORD": peers.PostgresPassword, "PGHOST": "/nowhere", "PGPORT": "1",
			"PGSERVICE": "none", "PGSERVICEFILE": "/nowhere", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/nowhere",
			"PGSSLCERT": "/nowhere", "PGSSLKEY": "/nowhere", "PGSSLCERTMODE": "require", "PGSSLNEGOTIATION": "direct",
			"PGOPTIONS": "-c nonsense=1", "PGTZ": "nowhere", "PGAPPNAME": "other", "PGCONNECT_TIMEOUT": "soon",
			"PGTARGETSESSIONATTRS": "standby", "PGMINPROTOCOLVERSION": "9.9", "PGMAXPROTOCOLVERSION": "9.9",
			"PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none", "PGUSER": "other", "PGDATABASE": "other",
		} {
			t.Setenv(name, value)
		}
		r := run(t, newProbe(t, settings(server.Endpoint)), 5*time.Second)
		require.Equal(t, check.Healthy, r.State, r.Reason)

		s := settings(server.Endpoint)
		s.Password = ""
		require.Equal(t, check.Auth, run(t, newProbe(t, s), 5*time.Second).ErrorType)
	})
}

func TestServerThatRunsOutOfConnectionsIsDegradedAndThenUnhealthy(t *testing.T) {
	server := peers.Postgres(t, "max_connections=5", "superuser_reserved_connections=1")
	conn := admin(t, server.Endpoint)
	_, err := conn.Exec(t.Context(), "CREATE USER monitor PASSWORD 'secret' IN ROLE pg_monitor")
	require.NoError(t, err)
	s := settings(server.Endpoint)
	s.Username, s.Password = "monitor", "secret"
	s.MaxActiveConnections = 1
	p := newProbe(t, s)
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	for range 2 {
		sleeper := connect(t, server.Endpoint, "monitor", "secret")
		results := sleeper.PgConn().Exec(t.Context(), "SELECT pg_sleep(60)")
		t.Cleanup(func() {
			_ = sleeper.PgConn().Conn().Close()
			_ = results.Close()
		})
	}
	const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, conn.QueryRow(t.Context(), sleeping).Scan(&n))
		return n == 2
	}, 5*time.Second, 10*time.Millisecond)

	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "2 active connections, more than 1; 4 of 4 connections are taken, more than a share of 0.9", r.Reason)
	require.Equal(t, 2.0, r.Measurements[0].Value)
	require.Equal(t, 1.0, r.Measurements[1].Value)

	r = run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Equal(t, "connecting to "+server.Endpoint+": there are too many connections (SQLSTATE 53300)", r.Reason)
}

func TestServerThatGoesAndComesBack(t *testing.T) {
	server := peers.Postgres(t)
	p := newProbe(t, settings(server.Endpoint))
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	server.Stop()
	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connecting to "+server.Endpoint+": the connection was refused or reset", r.Reason)

	server.Start()
	r = run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State)

	// A restart in between leaves a dead connection behind, which is not held
	// against the server.
	server.Kill()
	server.Start()
	r = run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "query", "statistics"}, steps(r))

	server.Freeze()
	r = run(t, p, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "querying "+server.Endpoint+": no answer in time", r.Reason)
	r = run(t, p, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "connecting to "+server.Endpoint+": no answer in time", r.Reason)
	server.Thaw()
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
}

func TestServerGivesUpAQueryWhenTheProbeDoes(t *testing.T) {
	server := peers.Postgres(t)
	p := newProbe(t, settings(server.Endpoint))
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	conn := admin(t, server.Endpoint)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)

	r := run(t, p, 200*time.Millisecond)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, []string{"query", "statistics"}, steps(r))
	require.Eventually(t, func() bool {
		_, err := tx.Exec(t.Context(), "SELECT pg_stat_clear_snapshot()")
		require.NoError(t, err)
		var n int
		require.NoError(t, tx.QueryRow(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'watchkeeper'").Scan(&n))
		return n == 0
	}, 5*time.Second, 10*time.Millisecond)

	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
}
