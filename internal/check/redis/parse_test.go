package redis

import (
	"testing"

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
	f("role:slave\r\nmaster_link_status:down\r\n", info{linkDown: true})
	f("role:slave\r\nmaster_link_status:up\r\n", info{})
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
	f(myself, nodeCounts{ok: 1})
	f(myself+replica+suspected+failed+joining, nodeCounts{ok: 2, pfail: 1, fail: 1})
	f(myself+"\n"+addressed, nodeCounts{ok: 2})

	for _, text := range []string{"", "\n", joining, "ERR", "a b fail d e f g\n", myself + "half a line"} {
		_, err := parseNodes(text)
		require.ErrorIs(t, err, errNotNodes, text)
	}
}

func TestGuardFollowsAnswersThroughAnySplit(t *testing.T) {
	const stream = "+PONG\r\n$-1\r\n$12\r\nline\r\n$9999\r\n$0\r\n\r\n*2\r\n:1\r\n$3\r\n*9\n\r\n*-1\r\n=5\r\ntxt:a\r\n-ERR\r\n"
	for size := 1; size <= len(stream); size++ {
		var g guard
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

func TestGuardLetsOneRunHaveSoMuch(t *testing.T) {
	var g guard
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

func FuzzGuard(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nabc\r\n:1\r\n"), uint(3))
	f.Fuzz(func(t *testing.T, stream []byte, split uint) {
		// What the guard thinks does not depend on how the bytes arrive.
		var whole, parts guard
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
