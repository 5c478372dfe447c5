package e2e

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"github.com/jackc/pgx/v5"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// landscape is what the checks of this test ask, in place of agent.yaml's own.
const landscape = `
receivers:
  agent_health:
    allow_exec: true
    checks:
      database_connectivity:
        postgres: {endpoint: %[1]q, username: postgres, password: %[2]q, database: postgres, max_connections_ratio: 0.5, tls: {insecure: true}}
      wrong_password:
        postgres: {endpoint: %[1]q, username: postgres, password: canary-secret, database: postgres, tls: {insecure: true}}
      redis_connectivity: {redis: {endpoint: %[3]q}}
      mcp_servers_health: {mcp: {endpoint: %[4]q, canary: {tool: echo, arguments: {message: hello}, expect: hello}}}
      mcp_new_era: {mcp: {endpoint: %[5]q, protocol: "2026-07-28"}}
      mcp_stdio: {interval: 2s, mcp: {command: [%[6]q, %[7]q, stdio]}}
      planner: {depends_on: [database_connectivity], a2a: {endpoint: %[8]q, canary: {message: plan, expect: "you said: plan"}}}
`

func TestEverythingThatAnAgentStandsOn(t *testing.T) {
	database, masters, oldTools := peers.Postgres(t, "max_connections=20"), peers.RedisMasters(t, 3), peers.MCP(t)
	node, err := exec.LookPath("node")
	require.NoError(t, err)
	script := filepath.Join(peers.Root(t), "internal", "tools", "mcp", "node_modules",
		"@modelcontextprotocol", "server-everything", "dist", "index.js")
	overlay := filepath.Join(t.TempDir(), "landscape.yaml")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, landscape,
		database.Endpoint, peers.PostgresPassword, masters[0].Endpoint, "http://"+oldTools.Endpoint+"/mcp",
		newEraTools(t), node, script, planner(t)), 0o600))

	n := &depends{database: database, masters: masters}
	n.watchkeeper = startWatchkeeper(t, append(shipped(t, "agent.yaml"), "--config", overlay), map[string]string{
		"WATCHKEEPER_INTERVAL": interval.String(),
		"JAEGER_ENDPOINT":      peers.FreeEndpoint(t),
	})
	n.scrapeWithPrometheus(t)
	t.Run("each gets the verdict that it deserves", n.verdicts)
	t.Run("a flood of connections is seen before the last one is gone", n.flood)
	t.Run("a dead cluster node is counted", n.deadNode)
	t.Run("what depends on a dead database is unknown, not dead", n.deadDatabase)
	t.Run("a restart in an outage is no news", n.restart)
	require.NotContains(t, n.log(t), "canary-secret")
}

type depends struct {
	node
	database *peers.Server
	masters  []*peers.Server
}

func (n *depends) verdicts(t *testing.T) {
	for _, check := range []string{
		"database_connectivity", "redis_connectivity", "mcp_servers_health", "mcp_new_era", "mcp_stdio", "planner",
	} {
		n.eventually(t, fmt.Sprintf(`agent_health_status{check_name=%q,state="healthy"} == 1`, check))
	}
	n.eventually(t, `agent_health_check_runs_total{check_name="wrong_password",result="unhealthy",error_type="auth"} > 0`)
	n.eventually(t, `mcp_protocol_info{check_name="mcp_new_era",mcp_protocol_version="2026-07-28"} == 1`)
	n.eventually(t, `mcp_protocol_info{check_name="mcp_servers_health",mcp_protocol_version="2025-11-25"} == 1`)
	n.eventually(t, `mcp_tools{check_name="mcp_stdio"} > 5`)
	n.eventually(t, `mcp_tools_definition_tokens{check_name="mcp_stdio"} > 100`)
	n.eventually(t, `agent_health_check_duration_seconds{check_name="mcp_servers_health",check_step="call"} > 0`)
	n.eventually(t, `sum(a2a_agent_interfaces{check_name="planner"}) == 1`)
	n.eventually(t, `redis_cluster_nodes{check_name="redis_connectivity",status="ok"} == 3`)
	n.eventually(t, `agent_health_availability_ratio{check_name="mcp_new_era",window="1h"} == 1`)
}

func (n *depends) flood(t *testing.T) {
	var open []*pgx.Conn
	for range 12 {
		conn, err := pgx.Connect(t.Context(), databaseURL(n.database.Endpoint))
		require.NoError(t, err)
		open = append(open, conn)
	}
	n.eventually(t, `agent_health_status{check_name="database_connectivity",state="degraded"} == 1`)
	for _, conn := range open {
		require.NoError(t, conn.Close(context.Background()))
	}
	n.eventually(t, `agent_health_status{check_name="database_connectivity",state="healthy"} == 1`)
}

func (n *depends) deadNode(t *testing.T) {
	n.masters[2].Kill()
	n.eventually(t, `redis_cluster_nodes{check_name="redis_connectivity",status="fail"} == 1`)
	n.eventually(t, `agent_health_status{check_name="redis_connectivity",state="healthy"} == 0`)
	n.masters[2].Start()
	n.eventually(t, `agent_health_status{check_name="redis_connectivity",state="healthy"} == 1`)
}

func (n *depends) deadDatabase(t *testing.T) {
	n.database.Stop()
	n.eventually(t, `agent_health_status{check_name="database_connectivity",state="unhealthy"} == 1`)
	n.eventually(t, `agent_health_status{check_name="planner",state="unknown"} == 1`)
}

func (n *depends) restart(t *testing.T) {
	n.Stop()
	stopped := time.Now()
	n.Start()
	n.eventually(t, `agent_health_status{check_name="database_connectivity",state="unhealthy"} == 1 and on (check_name) agent_health_consecutive_failures{check_name="database_connectivity"} > 0`)
	// Runs are counted anew, so these are of the second life.
	n.eventually(t, `agent_health_check_runs_total{check_name="database_connectivity",result="unhealthy"} > 3`)
	require.Empty(t, n.transitions(t, "database_connectivity", stopped))
	n.database.Start()
	n.eventually(t, `agent_health_status{check_name="planner",state="healthy"} == 1`)
}

// newEraTools runs an MCP server that knows no sessions.
func newEraTools(t *testing.T) string {
	t.Helper()
	server := mcp.NewServer(&mcp.Implementation{Name: "new era", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "nothing", Description: "does nothing"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{}, nil, nil
		})
	web := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: true}))
	t.Cleanup(web.Close)
	return web.URL
}

// planner runs an A2A agent that repeats what it hears.
func planner(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	card := &a2a.AgentCard{
		Name: "planner", Description: "plans", Version: "1",
		DefaultInputModes: []string{"text/plain"}, DefaultOutputModes: []string{"text/plain"},
		Skills:              []a2a.AgentSkill{{ID: "plan", Name: "plan", Description: "makes plans", Tags: []string{"plan"}}},
		SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface(web.URL+"/invoke", a2a.TransportProtocolJSONRPC)},
	}
	handler := a2asrv.NewHandler(echo{}, a2asrv.WithLogger(slog.New(slog.DiscardHandler)))
	mux.Handle(a2asrv.WellKnownAgentCardPath, a2asrv.NewStaticAgentCardHandler(card))
	mux.Handle("/invoke", a2asrv.NewJSONRPCHandler(handler))
	return web.URL
}

type echo struct{}

func (echo) Execute(_ context.Context, c *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		yield(a2a.NewMessage(a2a.MessageRoleAgent, a2a.NewTextPart("you said: "+c.Message.Parts[0].Text())), nil)
	}
}

func (echo) Cancel(context.Context, *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(func(a2a.Event, error) bool) {}
}
