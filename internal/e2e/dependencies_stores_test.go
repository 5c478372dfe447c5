package e2e

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestASentinelThatFailsOverIsUnhealthyUntilThereIsAMaster(t *testing.T) {
	primary := peers.Redis(t)
	host, port, err := net.SplitHostPort(primary.Endpoint)
	require.NoError(t, err)
	replica := peers.Redis(t, "--replicaof", host, port)
	sentinel := peers.RedisSentinel(t, primary, 1, "sentinel failover-timeout store 1000")
	n := startDependencies(t, map[string]string{"REDIS_SENTINEL_ENDPOINT": sentinel.Endpoint, "REDIS_ENDPOINT": replica.Endpoint})
	n.status(t, "cache_sentinel", "healthy")
	n.eventually(t, `redis_replication_link_up{check_name="cache"} == 1`)
	// A replica takes no writes, so there is no round trip.
	n.status(t, "cache", "degraded")
	// The sentinel hears of the replica from the primary, which it asks every 10 s.
	require.Eventually(t, func() bool {
		answer, err := peers.RedisCommand(t.Context(), sentinel.Endpoint, "SENTINEL", "REPLICAS", "store")
		return err == nil && answer == "*1"
	}, 30*time.Second, 100*time.Millisecond)

	// Without a replica that answers, the sentinel has to wait with the failover.
	killed := time.Now()
	replica.Freeze()
	primary.Kill()
	require.Eventually(t, func() bool {
		for _, e := range n.transitions(t, "cache_sentinel", killed) {
			if e.attributes["state"] == "unhealthy" {
				return true
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond, "there is no master")
	n.status(t, "cache_sentinel", "unhealthy")
	replica.Thaw()
	n.status(t, "cache_sentinel", "healthy")
	n.eventually(t, `redis_sentinel_masters{check_name="cache_sentinel",status="ok"} == 1`)
	// What was the replica is the master now, and takes the round trip.
	n.status(t, "cache", "healthy")
	answer, err := peers.RedisCommand(t.Context(), replica.Endpoint, "SET", "written", "yes")
	require.NoError(t, err)
	require.Equal(t, "+OK", answer)
}

func TestAReplicaThatFallsBehindIsDegraded(t *testing.T) {
	primary := peers.Postgres(t)
	replica := peers.PostgresReplica(t, primary)
	n := startDependencies(t, map[string]string{
		"POSTGRES_ENDPOINT": primary.Endpoint, "POSTGRES_REPLICA_ENDPOINT": replica.Endpoint, "POSTGRES_MAX_LAG": "500ms",
		"PGUSER": peers.PostgresUser, "PGPASSWORD": peers.PostgresPassword,
	})
	n.status(t, "database", "healthy")
	n.status(t, "database_replica", "healthy")
	leader, follower := connect(t, primary), connect(t, replica)
	_, err := leader.Exec(t.Context(), "CREATE TABLE news (n int)")
	require.NoError(t, err)
	// A replica that has replayed nothing yet cannot tell how old its data is.
	require.Eventually(t, func() bool {
		var there bool
		err := follower.QueryRow(t.Context(), "SELECT pg_last_xact_replay_timestamp() IS NOT NULL").Scan(&there)
		return err == nil && there
	}, 20*time.Second, 50*time.Millisecond)

	_, err = follower.Exec(t.Context(), "SELECT pg_wal_replay_pause()")
	require.NoError(t, err)
	_, err = leader.Exec(t.Context(), "INSERT INTO news VALUES (1)")
	require.NoError(t, err)
	n.status(t, "database_replica", "degraded")
	n.eventually(t, `database_replication_lag_seconds{check_name="database_replica"} > 0.5`)
	n.status(t, "database", "healthy")

	_, err = follower.Exec(t.Context(), "SELECT pg_wal_replay_resume()")
	require.NoError(t, err)
	n.status(t, "database_replica", "healthy")
}

func connect(t *testing.T, server *peers.Server) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL(server.Endpoint))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
