package redis

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// measured returns the sum of the measurements of a name, -1 if there is none.
func measured(r check.Result, name, status string) float64 {
	for _, m := range r.Measurements {
		if m.Name == name && m.Attributes["status"] == status {
			return m.Value
		}
	}
	return -1
}

// until runs p until the verdict is as wanted.
func until(t *testing.T, p *Probe, want check.State) (r check.Result) {
	t.Helper()
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == want }, 20*time.Second, 20*time.Millisecond)
	return r
}

func TestClusterThatLosesAMasterIsDownAndSaysHowMuch(t *testing.T) {
	nodes := peers.RedisMasters(t, 3)
	s := settings(nodes[0].Endpoint)
	s.RoundTrip = true
	p := newProbe(t, s)
	r := until(t, p, check.Healthy)
	require.Equal(t, []string{"ping", "info", "cluster", "round_trip"}, steps(r)[len(steps(r))-4:])
	require.Zero(t, measured(r, "redis.cluster.slots_uncovered", ""))
	require.Equal(t, 1.0, measured(r, "redis.cluster.state", ""))
	require.Equal(t, 3.0, measured(r, "redis.cluster.nodes", "ok"))
	require.Equal(t, ":0", command(t, nodes[0].Endpoint, "DBSIZE"), "the key of the round trip is gone")

	nodes[2].Kill()
	r = until(t, p, check.Unhealthy)
	require.Eventually(t, func() bool {
		r = run(t, p, 5*time.Second)
		return measured(r, "redis.cluster.slots_uncovered", "") > 0
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, check.Assertion, r.ErrorType)
	lost := measured(r, "redis.cluster.slots_uncovered", "")
	require.InDelta(t, clusterSlots/3, lost, 1)
	require.Equal(t, "1 of 3 cluster nodes failed; the cluster is down, "+strconv.Itoa(int(lost))+" of 16384 slots are not covered", r.Reason)
	require.Zero(t, measured(r, "redis.cluster.state", ""))
	require.Equal(t, 1.0, measured(r, "redis.cluster.nodes", "fail"))

	require.Equal(t, "+OK", command(t, nodes[0].Endpoint, "CONFIG", "SET", "cluster-require-full-coverage", "no"))
	r = until(t, p, check.Degraded)
	require.Equal(t, "1 of 3 cluster nodes failed; "+strconv.Itoa(int(lost))+" of 16384 slots of the cluster are not covered", r.Reason)
	nodes[2].Start()
	until(t, p, check.Healthy)
}

func TestNodeWithoutSlotsMakesNoRoundTrip(t *testing.T) {
	s := settings(peers.RedisNode(t).Endpoint)
	s.RoundTrip = true
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, "the cluster is down, 16384 of 16384 slots are not covered", r.Reason)
	require.Equal(t, []string{"connect", "ping", "info", "cluster"}, steps(r))
}

func TestSentinelTellsOfMastersAndQuorum(t *testing.T) {
	primary := peers.Redis(t)
	sentinel := peers.RedisSentinel(t, primary, 1)
	p := newProbe(t, settings(sentinel.Endpoint))
	r := until(t, p, check.Healthy)
	require.Equal(t, []string{"ping", "info", "sentinel"}, steps(r)[len(steps(r))-3:])
	require.Equal(t, 1.0, measured(r, "redis.sentinel.masters", "ok"))
	require.Zero(t, measured(r, "redis.sentinel.quorum_missing", ""))
	require.Equal(t, -1.0, measured(r, "redis.memory.used", ""))

	primary.Kill()
	r = until(t, p, check.Unhealthy)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "1 of 1 masters is down", r.Reason)
	require.Equal(t, 1.0, measured(r, "redis.sentinel.masters", "odown"))
}

func TestSentinelWithoutAQuorumIsDegraded(t *testing.T) {
	primary := peers.Redis(t)
	s := settings(peers.RedisSentinel(t, primary, 2).Endpoint)
	s.RoundTrip = true
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, "1 of 1 masters is without the sentinels that a failover takes; no round trip: the server is a sentinel and holds no keys", r.Reason)
	require.Equal(t, 1.0, measured(r, "redis.sentinel.quorum_missing", ""))

	primary.Kill()
	// Alone, a sentinel can suspect, but not decide.
	until(t, newProbe(t, settings(s.Endpoint)), check.Degraded)
	require.Eventually(t, func() bool {
		return measured(run(t, newProbe(t, settings(s.Endpoint)), 5*time.Second), "redis.sentinel.masters", "sdown") == 1
	}, 20*time.Second, 20*time.Millisecond)
}

func TestRoundTripLeavesNothingBehind(t *testing.T) {
	server := peers.Redis(t)
	s := settings(server.Endpoint)
	s.RoundTrip = true
	p := newProbe(t, s)
	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "ping", "info", "round_trip"}, steps(r))
	require.Equal(t, ":0", command(t, server.Endpoint, "DBSIZE"))

	t.Run("ItNeedsNoMoreThanItsPrefix", func(t *testing.T) {
		require.Equal(t, "+OK", command(t, server.Endpoint, "ACL", "SETUSER", "monitor", "on", ">secret", "~"+KeyPrefix+"*", "+ping", "+info", "+set", "+get", "+del"))
		s := s
		s.Username, s.Password = "monitor", "secret"
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Healthy, r.State, r.Reason)
		require.Equal(t, "+OK", command(t, server.Endpoint, "ACL", "SETUSER", "monitor", "-set"))
		r = run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, check.Auth, r.ErrorType)
		require.Equal(t, "the round trip to "+server.Endpoint+": the user lacks a permission (NOPERM)", r.Reason)
	})

	t.Run("AKeyThatCannotBeDeletedExpires", func(t *testing.T) {
		client := redis.NewClient(&redis.Options{Addr: server.Endpoint, Protocol: 2, DisableIdentity: true})
		defer func() { require.NoError(t, client.Close()) }()
		require.Equal(t, "+OK", command(t, server.Endpoint, "ACL", "SETUSER", "writer", "on", ">secret", "~*", "+ping", "+info", "+set", "+get"))
		s := s
		s.Username, s.Password = "writer", "secret"
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Auth, r.ErrorType)
		keys, err := client.Keys(t.Context(), KeyPrefix+"*").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1)
		life, err := client.TTL(t.Context(), keys[0]).Result()
		require.NoError(t, err)
		require.Greater(t, life, time.Duration(0))
		require.LessOrEqual(t, life, keyLife)
	})

	t.Run("AServerWithoutMemoryTakesNoWrites", func(t *testing.T) {
		require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "maxmemory", "1"))
		s := s
		s.MaxMemoryRatio = 0
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, "the round trip to "+server.Endpoint+": the memory is full and no writes are taken (OOM)", r.Reason)
		r = run(t, newProbe(t, settings(server.Endpoint)), 5*time.Second)
		require.Equal(t, check.Degraded, r.State)
		require.Regexp(t, `^\d+\.0 % of the memory is used, more than a share of 0.9, and nothing is evicted$`, r.Reason)
		require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru"))
		require.Equal(t, check.Healthy, run(t, newProbe(t, settings(server.Endpoint)), 5*time.Second).State)
	})
}

func TestRoundTripOnAReplicaSaysThatItIsOne(t *testing.T) {
	primary := peers.Redis(t)
	host, port, err := net.SplitHostPort(primary.Endpoint)
	require.NoError(t, err)
	replica := peers.Redis(t, "--replicaof", host, port)
	until(t, newProbe(t, settings(replica.Endpoint)), check.Healthy)
	s := settings(replica.Endpoint)
	s.RoundTrip = true
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, "no round trip: the server is a replica and takes no writes", r.Reason)
	require.Equal(t, []string{"connect", "ping", "info"}, steps(r))
	require.Equal(t, 1.0, measured(r, "redis.replication.link_up", ""))
	require.Equal(t, 1.0, measured(run(t, newProbe(t, settings(primary.Endpoint)), 5*time.Second), "redis.replicas.connected", ""))
}

func TestEvictionsPastARateDegrade(t *testing.T) {
	server := peers.Redis(t, "--maxmemory-policy", "allkeys-lru")
	s := settings(server.Endpoint)
	s.MaxEvictionRate = 1
	p := newProbe(t, s)
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
	for i := range 200 {
		require.Equal(t, "+OK", command(t, server.Endpoint, "SET", strconv.Itoa(i), "value"))
	}
	require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "maxmemory", "1"))
	// Room is made when a key is to be written.
	_, err := peers.RedisCommand(context.Background(), server.Endpoint, "SET", "last", "straw")
	require.NoError(t, err)
	var r check.Result
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return measured(r, "redis.keys.evicted", "") > 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `^\d+\.\d keys are evicted a second, more than 1$`, r.Reason)
}
