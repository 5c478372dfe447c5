package peers

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestPostgresReplicaFollowsItsPrimary(t *testing.T) {
	primary := Postgres(t)
	replica := PostgresReplica(t, primary)
	host, port, err := net.SplitHostPort(replica.Endpoint)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), "host="+host+" port="+port+" user=postgres dbname=postgres sslmode=disable password='"+PostgresPassword+"'")
	require.NoError(t, err)
	var follows bool
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&follows))
	require.True(t, follows)
	require.NoError(t, conn.Close(t.Context()))
}

func TestRedisMastersShareTheSlots(t *testing.T) {
	nodes := RedisMasters(t, 3)
	require.Len(t, nodes, 3)
	require.Eventually(t, func() bool {
		answer, err := RedisCommand(t.Context(), nodes[1].Endpoint, "GET", "any")
		return err == nil && (answer == "$-1" || strings.HasPrefix(answer, "-MOVED"))
	}, 10*time.Second, 10*time.Millisecond)
}

func TestRedisSentinelKnowsItsPrimary(t *testing.T) {
	primary := Redis(t)
	sentinel := RedisSentinel(t, primary, 1)
	answer, err := RedisCommand(t.Context(), sentinel.Endpoint, "SENTINEL", "CKQUORUM", "store")
	require.NoError(t, err)
	require.Equal(t, "+OK 1 usable Sentinels. Quorum and failover authorization can be reached", answer)
}
