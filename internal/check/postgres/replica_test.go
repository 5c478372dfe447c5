package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// measured returns a measurement, and whether there was one.
func measured(r check.Result, name string) (float64, bool) {
	for _, m := range r.Measurements {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

func TestReplicaThatFallsBehindIsDegraded(t *testing.T) {
	primary := peers.Postgres(t)
	conn := admin(t, primary.Endpoint)
	_, err := conn.Exec(t.Context(), "CREATE USER monitor PASSWORD 'secret' IN ROLE pg_monitor")
	require.NoError(t, err)
	replica := peers.PostgresReplica(t, primary)
	s := settings(replica.Endpoint)
	s.Username, s.Password = "monitor", "secret"
	s.MaxReplicationLag = 300 * time.Millisecond
	p := newProbe(t, s)

	_, ok := measured(run(t, newProbe(t, settings(primary.Endpoint)), 5*time.Second), "database.replication.lag")
	require.False(t, ok, "a primary has no lag")
	require.Eventually(t, func() bool { return run(t, p, 5*time.Second).State == check.Healthy }, 10*time.Second, 20*time.Millisecond)
	_, err = conn.Exec(t.Context(), "CREATE TABLE news (n int)")
	require.NoError(t, err)
	// A replica that has replayed nothing yet cannot tell how old its data is.
	follower := admin(t, replica.Endpoint)
	require.Eventually(t, func() bool {
		var there bool
		require.NoError(t, follower.QueryRow(t.Context(), "SELECT pg_last_xact_replay_timestamp() IS NOT NULL").Scan(&there))
		return there
	}, 10*time.Second, 20*time.Millisecond)
	require.Eventually(t, func() bool { return run(t, p, 5*time.Second).State == check.Healthy }, 10*time.Second, 20*time.Millisecond)
	lag, ok := measured(run(t, p, 5*time.Second), "database.replication.lag")
	require.True(t, ok)
	require.Zero(t, lag, "it has all that the primary had to say")

	_, err = follower.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "INSERT INTO news VALUES (1)")
	require.NoError(t, err)
	var r check.Result
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == check.Degraded }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Regexp(t, `^the replica is \S+s behind its primary, more than 300ms$`, r.Reason)
	lag, _ = measured(r, "database.replication.lag")
	require.Greater(t, lag, 0.3)

	_, err = follower.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return run(t, p, 5*time.Second).State == check.Healthy }, 10*time.Second, 20*time.Millisecond)

	// Without its primary a replica knows only how old its data is.
	primary.Stop()
	require.Eventually(t, func() bool { return run(t, p, 5*time.Second).State == check.Degraded }, 10*time.Second, 20*time.Millisecond)
}

func TestOldTransactionsAndWaitersAreSeenByAMemberOfPgMonitor(t *testing.T) {
	server := peers.Postgres(t)
	conn := admin(t, server.Endpoint)
	_, err := conn.Exec(t.Context(), "CREATE USER monitor PASSWORD 'secret' IN ROLE pg_monitor")
	require.NoError(t, err)
	s := settings(server.Endpoint)
	s.Username, s.Password = "monitor", "secret"
	s.MaxWaitingConnections, s.MaxTransactionAge = 0, 100*time.Millisecond
	waitingAllowed := newProbe(t, s)
	require.Equal(t, check.Healthy, run(t, waitingAllowed, 5*time.Second).State)

	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE pg_description IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	for range 2 {
		waiter := admin(t, server.Endpoint)
		results := waiter.PgConn().Exec(t.Context(), "SELECT count(*) FROM pg_description")
		t.Cleanup(func() {
			_ = waiter.PgConn().Conn().Close()
			_ = results.Close()
		})
	}
	s.MaxWaitingConnections, s.MaxTransactionAge = 1, 0
	p := newProbe(t, s)
	var r check.Result
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == check.Degraded }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, "2 connections wait for a lock, more than 1", r.Reason)
	waiting, ok := measured(r, "database.connection_pool.waiting")
	require.True(t, ok)
	require.Equal(t, 2.0, waiting)

	require.Eventually(t, func() bool { r = run(t, waitingAllowed, 5*time.Second); return r.State == check.Degraded }, 10*time.Second, 20*time.Millisecond)
	require.Regexp(t, `^the oldest transaction has lasted for \S+s, more than 100ms$`, r.Reason)
	oldest, ok := measured(r, "database.transaction.oldest_age")
	require.True(t, ok)
	require.Greater(t, oldest, 0.1)
	require.NoError(t, tx.Rollback(t.Context()))
}

func FuzzParseStatistics(f *testing.F) {
	f.Add("0", "t", "1", "97", "7634279", "0", "0.000000", "")
	f.Add("-1", "", "1e9", "NaN", "Infinity", "x", "NaN", "-3.5")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i string) {
		var row [][]byte
		for _, field := range []string{a, b, c, d, e, g, h, i} {
			row = append(row, []byte(field))
		}
		st, err := parseStatistics(row)
		if err != nil {
			require.Equal(t, statistics{}, st)
			return
		}
		require.GreaterOrEqual(t, st.lag, 0.0)
		require.GreaterOrEqual(t, st.oldest, 0.0)
		require.NotEmpty(t, duration(st.lag))
	})
}
