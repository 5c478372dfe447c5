package redis

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

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
	for _, secret := range []string{p.settings.Username, p.settings.Password} {
		if secret != "" {
			require.NotContains(t, r.Reason, secret)
		}
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

func command(t *testing.T, endpoint string, words ...string) string {
	t.Helper()
	answer, err := peers.RedisCommand(t.Context(), endpoint, words...)
	require.NoError(t, err)
	return answer
}

func TestHealthyServerTellsItsClientsAndMemory(t *testing.T) {
	server := peers.Redis(t)
	p := newProbe(t, settings(server.Endpoint))

	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "ping", "info"}, steps(r))
	require.Len(t, r.Measurements, 4)
	require.Equal(t, check.Measurement{Name: "redis.clients.connected", Value: 1}, r.Measurements[0])
	require.Equal(t, "redis.memory.used", r.Measurements[1].Name)
	require.Greater(t, r.Measurements[1].Value, 1e5)
	require.Equal(t, check.Measurement{Name: "redis.keys.evicted"}, r.Measurements[2])
	require.Equal(t, check.Measurement{Name: "redis.replicas.connected"}, r.Measurements[3])

	require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "maxmemory", "100mb"))
	r = run(t, p, 5*time.Second)
	require.Equal(t, []string{"ping", "info"}, steps(r), "the connection is kept")
	require.Len(t, r.Measurements, 5)
	require.Equal(t, "redis.memory.utilization", r.Measurements[2].Name)
	require.Equal(t, r.Measurements[1].Value/(100<<20), r.Measurements[2].Value)
	require.Equal(t, ":0", command(t, server.Endpoint, "DBSIZE"))

	t.Run("PingTakesLongerThanAllowed", func(t *testing.T) {
		s := settings(server.Endpoint)
		s.MaxResponseTime = time.Nanosecond
		r := run(t, newProbe(t, s), 5*time.Second)
		require.Equal(t, check.Degraded, r.State)
		require.Equal(t, check.Assertion, r.ErrorType)
		require.Regexp(t, `^PING took \S+s, more than 1ns$`, r.Reason)
	})

	t.Run("OnlyWhatIsNeededIsSent", func(t *testing.T) {
		require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "RESETSTAT"))
		run(t, newProbe(t, settings(server.Endpoint)), 5*time.Second)
		require.Equal(t, []string{"config|resetstat", "hello", "info", "ping"}, commandsSeen(t, server.Endpoint))
	})
}

// commandsSeen returns which commands a server has counted.
func commandsSeen(t *testing.T, endpoint string) []string {
	t.Helper()
	p := newProbe(t, settings(endpoint))
	require.NoError(t, p.connect(t.Context()))
	text, err := p.client.Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	var seen []string
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "cmdstat_"); ok {
			name, _, _ = strings.Cut(name, ":")
			seen = append(seen, name)
		}
	}
	return sorted(seen)
}

func TestServerThatDoesNotLetUsIn(t *testing.T) {
	server := peers.Redis(t)
	require.Equal(t, "+OK", command(t, server.Endpoint, "ACL", "SETUSER", "nosy", "on", ">hunter2", "+ping"))
	require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "requirepass", "correct horse"))
	for name, test := range map[string]struct{ user, password, want string }{
		"no password":    {"", "", "PING to %: a password is required (NOAUTH)"},
		"wrong password": {"", "battery staple", "PING to %: wrong username or password (WRONGPASS)"},
		"wrong user":     {"monitor", "correct horse", "PING to %: wrong username or password (WRONGPASS)"},
		"no permission":  {"nosy", "hunter2", "INFO of %: the user lacks a permission (NOPERM)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(server.Endpoint)
			s.Username, s.Password = test.user, test.password
			r := run(t, newProbe(t, s), 5*time.Second)
			require.Equal(t, check.Unhealthy, r.State)
			require.Equal(t, check.Auth, r.ErrorType)
			require.Equal(t, strings.ReplaceAll(test.want, "%", server.Endpoint), r.Reason)
		})
	}
	s := settings(server.Endpoint)
	s.Password = "correct horse"
	require.Equal(t, check.Healthy, run(t, newProbe(t, s), 5*time.Second).State)
}

func TestClusterTellsTheStateOfItsNodes(t *testing.T) {
	server := peers.RedisCluster(t)
	// A node fails when another tells that it lost it, too.
	witness, other := peers.RedisNode(t), peers.RedisNode(t)
	p := newProbe(t, settings(server.Endpoint))
	nodes := func(r check.Result) map[string]float64 {
		counts := map[string]float64{}
		for _, m := range r.Measurements {
			if m.Name == "redis.cluster.nodes" {
				counts[m.Attributes["status"]] = m.Value
			}
		}
		return counts
	}

	r := run(t, p, 5*time.Second)
	require.Equal(t, []string{"connect", "ping", "info", "cluster"}, steps(r))
	// A node that has just begun serves nothing for a moment.
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == check.Healthy }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, map[string]float64{"ok": 1, "pfail": 0, "fail": 0}, nodes(r))

	for _, s := range []*peers.Server{witness, other} {
		host, port, err := net.SplitHostPort(s.Endpoint)
		require.NoError(t, err)
		require.Equal(t, "+OK", command(t, server.Endpoint, "CLUSTER", "MEET", host, port))
	}
	require.Eventually(t, func() bool { return nodes(run(t, p, 5*time.Second))["ok"] == 3 }, 10*time.Second, 20*time.Millisecond)

	other.Kill()
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return nodes(r)["fail"] == 1 }, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, map[string]float64{"ok": 2, "pfail": 0, "fail": 1}, nodes(r))
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "1 of 3 cluster nodes failed", r.Reason)
}

func TestReplicaThatLostItsPrimaryIsDegraded(t *testing.T) {
	primary := peers.Redis(t)
	host, port, err := net.SplitHostPort(primary.Endpoint)
	require.NoError(t, err)
	replica := peers.Redis(t, "--replicaof", host, port)
	p := newProbe(t, settings(replica.Endpoint))
	require.Eventually(t, func() bool { return run(t, p, 5*time.Second).State == check.Healthy }, 20*time.Second, 20*time.Millisecond)

	primary.Stop()
	var r check.Result
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == check.Degraded }, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, "the replica has lost its primary", r.Reason)
}

func TestServerThatGoesAndComesBack(t *testing.T) {
	server := peers.Redis(t)
	p := newProbe(t, settings(server.Endpoint))
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	server.Stop()
	for range 3 {
		r := run(t, p, 5*time.Second)
		require.Equal(t, check.Unhealthy, r.State)
		require.Equal(t, check.Refused, r.ErrorType)
		require.Equal(t, "connecting to "+server.Endpoint+": the connection was refused or reset", r.Reason)
	}
	server.Start()
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	// A restart in between leaves a dead connection behind, which is not held
	// against the server.
	server.Kill()
	server.Start()
	r := run(t, p, 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)
	require.Equal(t, []string{"connect", "ping", "info"}, steps(r))

	server.Freeze()
	r = run(t, p, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	require.Equal(t, "PING to "+server.Endpoint+": no answer in time", r.Reason)
	r = run(t, p, 200*time.Millisecond)
	require.Equal(t, check.Timeout, r.ErrorType)
	server.Thaw()
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
}

func TestServerThatIsLoadingIsUnhealthyAndSaysSo(t *testing.T) {
	server := peers.Redis(t, "--enable-debug-command", "local", "--loading-process-events-interval-bytes", "1024")
	require.Equal(t, "+OK", command(t, server.Endpoint, "DEBUG", "POPULATE", "20000"))
	require.Equal(t, "+OK", command(t, server.Endpoint, "CONFIG", "SET", "key-load-delay", "100"))
	p := newProbe(t, settings(server.Endpoint))
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)

	reloaded := make(chan error, 1)
	go func() {
		_, err := peers.RedisCommand(context.Background(), server.Endpoint, "DEBUG", "RELOAD")
		reloaded <- err
	}()
	var r check.Result
	require.Eventually(t, func() bool { r = run(t, p, 5*time.Second); return r.State == check.Unhealthy }, 20*time.Second, time.Millisecond)
	require.Equal(t, check.Protocol, r.ErrorType)
	require.Equal(t, "PING to "+server.Endpoint+": the server is loading its data and serves nothing yet (LOADING)", r.Reason)
	require.NoError(t, <-reloaded)
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
}
