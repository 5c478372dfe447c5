package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseInfo(t *testing.T) {
	f := func(text string, want info) {
		t.Helper()
		require.Equal(t, want, parseInfo(text))
	}
	f("", info{})
	f("# Server\r\nredis_mode:standalone\r\n\r\n# Clients\r\nconnected_clients:7\r\n", info{clients: 7})
	f("connected_clients:7", info{clients: 7})
	f("used_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:2097152\r\n", info{memory: 1 << 20, maxMemory: 2 << 20})
	f("redis_mode:cluster\n", info{cluster: true})
	f("role:slave\r\nmaster_link_status:down\r\n", info{replica: true, linkDown: true})
	f("role:slave\r\nmaster_link_status:up\r\n", info{replica: true})
	f("role:master\r\nconnected_slaves:2\r\n", info{replicas: 2})
	f("redis_mode:sentinel\r\n", info{sentinel: true})
	f("maxmemory_policy:noeviction\r\nevicted_keys:3\r\n", info{evicted: 3})
	f("maxmemory_policy:allkeys-lru\r\n", info{evicts: true})
	f("connected_clients:-7\r\nused_memory:NaN\r\nmaxmemory:\r\n:\r\n", info{})
	f("connected_clients:99999999999999999999\r\n", info{})
}

func TestParseNodes(t *testing.T) {
	f := func(text string, want nodeCounts) {
		t.Helper()
		got, err := parseNodes(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	const (
		myself    = "07c37df 127.0.0.1:30001@31001,hostname1 myself,master - 0 1426238317239 4 connected 0-5460 5462 [77->-291f2]\n"
		replica   = "292f8b3 127.0.0.1:30002@31002 slave 07c37df 0 1426238316232 2 connected\n"
		suspected = "e7d1eec 127.0.0.1:30003@31003 master,fail? - 1426238316232 0 3 disconnected 10923-16383\n"
		failed    = "6ec2392 127.0.0.1:30004@31004 slave,fail 07c37df 1426238316232 0 5 disconnected\n"
		joining   = "824fe11 127.0.0.1:30005@31005 handshake - 0 0 0 connected\n"
		addressed = "9f2a041 :0@0 slave,noaddr 07c37df 1426238316232 0 5 disconnected\n"
	)
	own := []slotRange{{0, 5460}, {5462, 5462}}
	f(myself, nodeCounts{ok: 1, own: own})
	f(myself+replica+suspected+failed+joining, nodeCounts{ok: 2, pfail: 1, fail: 1, own: own})
	f(myself+"\n"+addressed, nodeCounts{ok: 2, own: own})

	for _, text := range []string{"", "\n", joining, "ERR", "a b fail d e f g\n", myself + "half a line"} {
		_, err := parseNodes(text)
		require.ErrorIs(t, err, errNotNodes, text)
	}
}

func TestLimiterFollowsAnswersThroughAnySplit(t *testing.T) {
	const stream = "+PONG\r\n$-1\r\n$12\r\nline\r\n$9999\r\n$0\r\n\r\n*2\r\n:1\r\n$3\r\n*9\n\r\n*-1\r\n=5\r\ntxt:a\r\n-ERR\r\n"
	for size := 1; size <= len(stream); size++ {
		var g limiter
		for rest := stream; rest != ""; {
			n := min(size, len(rest))
			require.NoError(t, g.follow([]byte(rest[:n])))
			rest = rest[n:]
		}
		require.Zero(t, g.skip)
		require.Empty(t, g.header)
		require.Equal(t, len(stream), g.spent)
		require.Equal(t, 2, g.elements)
	}
}

func TestLimiterLetsOneRunHaveSoMuch(t *testing.T) {
	var g limiter
	chunk := make([]byte, 1<<10)
	require.NoError(t, g.follow([]byte("$4000000\r\n")))
	for range 3 << 10 {
		require.NoError(t, g.follow(chunk))
	}
	g.refill()
	require.NoError(t, g.follow(chunk[:100]))
	require.Equal(t, 100, g.spent)
	g.spent = maxBytes
	require.ErrorIs(t, g.follow(chunk[:1]), errTooMuch)
}

func TestParseClusterInfo(t *testing.T) {
	f := func(text string, want slots) {
		t.Helper()
		got, err := parseClusterInfo(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f("cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\ncluster_slots_fail:0\r\n", slots{ok: true})
	f("cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_fail:5461\r\n", slots{uncovered: 5461})
	f("cluster_state:fail\r\ncluster_slots_assigned:0\r\ncluster_slots_fail:0\r\n", slots{uncovered: 16384})
	for _, text := range []string{"", "cluster_state:ok", "cluster_state:ok\ncluster_slots_assigned:16385\ncluster_slots_fail:0\n", "cluster_state:ok\ncluster_slots_assigned:1\ncluster_slots_fail:2\n"} {
		_, err := parseClusterInfo(text)
		require.ErrorIs(t, err, errNotCluster, text)
	}
}

func TestSlotsAreThoseOfRedis(t *testing.T) {
	require.Equal(t, 0x31C3, slotOf("123456789"), "the check value of the specification")
	require.Equal(t, 11200, slotOf("any"))
	require.Equal(t, []slotRange{{0, 1}, {7, 7}}, parseSlots([]string{"0-1", "[77->-291f2]", "7", "9-8", "5-16384", "x", "-"}))

	key, err := drawKey([]slotRange{{42, 42}})
	require.NoError(t, err)
	require.Equal(t, 42, slotOf(key))
	_, err = drawKey([]slotRange{})
	require.ErrorIs(t, err, errNoKey)
}

func TestParseMasters(t *testing.T) {
	master := func(name, flags string) any { return []any{"name", name, "ip", "127.0.0.1", "flags", flags, "odd"} }
	m, names, err := parseMasters([]any{master("a", "master"), master("b", "s_down,master"), master("c", "s_down,o_down,master,disconnected")})
	require.NoError(t, err)
	require.Equal(t, masters{ok: 1, sdown: 1, odown: 1}, m)
	require.Equal(t, []string{"a", "b", "c"}, names)
	for _, answer := range [][]any{{"x"}, {[]any{}}, {[]any{"name", "a"}}, {[]any{"flags", "master"}}, {[]any{"name", int64(1), "flags", "x"}}} {
		_, _, err := parseMasters(answer)
		require.ErrorIs(t, err, errNotMasters)
	}
}

func TestEvictionRate(t *testing.T) {
	var e evictions
	start := time.Now()
	require.Zero(t, e.rate(100, start))
	require.Equal(t, 5.0, e.rate(150, start.Add(10*time.Second)))
	require.Zero(t, e.rate(10, start.Add(20*time.Second)), "the server was started again")
	require.Zero(t, e.rate(20, start.Add(20*time.Second)))
}

func FuzzParseClusterInfo(f *testing.F) {
	f.Add("cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_fail:5461\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseClusterInfo(text)
		require.True(t, err != nil || s.uncovered >= 0 && s.uncovered <= clusterSlots)
	})
}

func FuzzParseInfo(f *testing.F) {
	f.Add("# Server\r\nredis_mode:cluster\r\nconnected_clients:7\r\nused_memory:1\r\nmaxmemory:2\r\nmaster_link_status:down\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		in := parseInfo(text)
		require.GreaterOrEqual(t, in.clients, 0.0)
		require.GreaterOrEqual(t, in.memory, 0.0)
		require.GreaterOrEqual(t, in.maxMemory, 0.0)
	})
}

func FuzzParseNodes(f *testing.F) {
	f.Add("07c37df 127.0.0.1:30001@31001 myself,master - 0 1426238317239 4 connected 0-5460\n")
	f.Fuzz(func(t *testing.T, text string) {
		counts, err := parseNodes(text)
		require.Equal(t, err == nil, counts.ok+counts.pfail+counts.fail > 0)
	})
}

func FuzzLimiter(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nabc\r\n:1\r\n"), uint(3))
	f.Fuzz(func(t *testing.T, stream []byte, split uint) {
		// What the limiter thinks does not depend on how the bytes arrive.
		var whole, parts limiter
		first := int(split % uint(len(stream)+1))
		errWhole := whole.follow(stream)
		errParts := parts.follow(stream[:first])
		if errParts == nil {
			errParts = parts.follow(stream[first:])
		}
		require.Equal(t, errWhole, errParts)
		require.LessOrEqual(t, whole.skip, maxBytes+2)
	})
}
