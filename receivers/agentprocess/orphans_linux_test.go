package agentprocess

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadatatest"
)

// npx is what it makes of one server, under a parent.
func npx(tree *proctabletest.Tree, parent int) {
	for i, line := range [][]string{
		{"npm exec @modelcontextprotocol/server-filesystem /tmp"},
		{"sh", "-c", "mcp-server-filesystem /tmp"},
		{"node", "/root/.npm/_npx/15c61037b1978c83/node_modules/.bin/mcp-server-filesystem", "/tmp"},
	} {
		if i > 0 {
			parent = 20 + i - 1
		}
		tree.Set(20+i, proctabletest.Process{Comm: "node", Parent: parent, Start: uint64(200 + i), VSize: 1, Pages: 10, PSS: 8, CommandLine: line})
	}
}

func TestTreeThatAnAgentLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		tree.Set(1, proctabletest.Process{Comm: "systemd", Start: 1, VSize: 1, CommandLine: []string{"/sbin/init"}})
		tree.Set(10, proctabletest.Process{Comm: "claude", Parent: 1, Start: 100, VSize: 1, CommandLine: []string{"claude"}})
		npx(tree, 10)
		cfg := config(tree.Root)
		cfg.BuiltinGroups = true
		s := start(t, cfg, nil)
		var told []event
		s.emit = func(ev event) { told = append(told, ev) }
		metrics := scrape(t, s)
		require.Equal(t, map[string]float64{"claude": 0, "mcp-filesystem": 0}, series(metrics, "agent.process.orphans"))
		require.Equal(t, 3.0, series(metrics, "agent.process.count")["mcp-filesystem/sleeping"])

		tree.Remove(10)
		npx(tree, 1)
		pass(5)
		require.Equal(t, 0.0, series(scrape(t, s), "agent.process.orphans")["mcp-filesystem"], "it may be about to end")
		for age := 10.0; age <= 30; age += 10 {
			pass(10)
			metrics = scrape(t, s)
			require.Equal(t, map[string]float64{"claude": 0, "mcp-filesystem": 3}, series(metrics, "agent.process.orphans"))
			require.Equal(t, map[string]float64{"claude": 0, "mcp-filesystem": age}, series(metrics, "agent.process.orphans.age"))
			require.Equal(t, map[string]float64{"claude": 0, "mcp-filesystem": 3 * 8 << 10}, series(metrics, "agent.process.orphans.memory"))
		}
		require.Len(t, told, 1)
		require.Equal(t, orphaned, told[0].what)
		require.Equal(t, 20, told[0].subject.id.PID)
		require.Equal(t, 3, told[0].size)
		require.Equal(t, int64(3*8<<10), told[0].memory)
	})
}

func TestServerThatWasLeftBehindBeforeTheReceiverStarted(t *testing.T) {
	for init, want := range map[string]float64{"systemd": 3, "node": 0} {
		synctest.Test(t, func(t *testing.T) {
			tree := proctabletest.New(t)
			pass := clock(tree)
			tree.Set(1, proctabletest.Process{Comm: init, Start: 1, VSize: 1})
			npx(tree, 1)
			cfg := config(tree.Root)
			cfg.BuiltinGroups = true
			s := start(t, cfg, nil)
			scrape(t, s)
			pass(10)
			require.Equal(t, map[string]float64{"mcp-filesystem": want}, series(scrape(t, s), "agent.process.orphans"), init)
		})
	}
}

func TestProcessesBeyondTheRoomHaveNoSession(t *testing.T) {
	tree := proctabletest.New(t)
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	tree.Set(10, proctabletest.Process{Comm: "claude", Start: 100, CommandLine: []string{"claude"}})
	for pid := 11; pid < 15; pid++ {
		tree.Set(pid, proctabletest.Process{Comm: "sh", Parent: 10, Start: 200})
	}
	cfg := config(tree.Root)
	cfg.BuiltinGroups, cfg.MaxProcesses = true, 3
	s := start(t, cfg, telemetry)
	scrape(t, s)
	require.Less(t, len(s.members), 5)
	metadatatest.AssertEqualReceiverAgentProcessOverflow(t, telemetry, []metricdata.DataPoint[int64]{
		{Value: 2, Attributes: attribute.NewSet(attribute.String("of", "processes"))},
	}, metricdatatest.IgnoreTimestamp())
}
