package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// interval is how often the node's agent looks at everything in these tests.
const interval = 500 * time.Millisecond

// watched are the groups of processes of these tests: what runs on the machine of
// a developer must not decide about them.
const watched = `
receivers:
  agent_process:
    groups:
      - {name: busy, role: agent, match: {command_line: ['e2e_busy_agent']}}
      - {name: steady, role: agent, match: {command_line: ['e2e_steady_agent']}}
      - {name: mcp_servers, role: mcp_server, match: {command_line: ['modelcontextprotocol']}}
`

// node is a node with everything that agent.yaml expects.
type node struct {
	*watchkeeper
	redis      *peers.Server
	prometheus prometheus
	scraper    *peers.Server
	jaeger     jaeger
	// busy wakes the process of the group of that name, which then uses a whole core.
	busy io.Writer
}

func startNode(t *testing.T) *node {
	database, cache, tools, store := peers.Postgres(t), peers.RedisCluster(t), peers.MCP(t), peers.Jaeger(t)
	n := &node{redis: cache, jaeger: jaeger{url: "http://" + store.Query}}
	keepBusy(t, database.Endpoint)
	n.busy = startProcess(t, "e2e_busy_agent")
	startProcess(t, "e2e_steady_agent")

	overlay := filepath.Join(t.TempDir(), "watched.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(watched), 0o600))
	n.watchkeeper = startWatchkeeper(t, append(shipped(t, "agent.yaml"), "--config", overlay), map[string]string{
		"WATCHKEEPER_INTERVAL": interval.String(),
		"POSTGRES_ENDPOINT":    database.Endpoint,
		"PGUSER":               peers.PostgresUser,
		"PGPASSWORD":           peers.PostgresPassword,
		"REDIS_ENDPOINT":       cache.Endpoint,
		"MCP_ENDPOINT":         "http://" + tools.Endpoint + "/mcp",
		"JAEGER_ENDPOINT":      store.OTLP,
	})
	n.scrapeWithPrometheus(t)
	return n
}

// scrapeWithPrometheus starts a Prometheus that scrapes the collector.
func (n *node) scrapeWithPrometheus(t *testing.T) {
	t.Helper()
	n.scraper = peers.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: watchkeeper
    static_configs: [{targets: [%q]}]
`, n.metrics))
	n.prometheus = prometheus{url: "http://" + n.scraper.Endpoint}
}

// startProcess runs a process that sleeps until a line is written to it and then
// computes until the test ends.
func startProcess(t *testing.T, name string) io.Writer {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", "read line; while :; do :; done", name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in
}

// keepBusy has one connection of a database run a statement until the test ends.
func keepBusy(t *testing.T, endpoint string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL(endpoint))
	require.NoError(t, err)
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		_, _ = conn.Exec(ctx, "SELECT pg_sleep(3600)") // ends with the context
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = conn.Close(context.Background())
	})
}

func databaseURL(endpoint string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/postgres?sslmode=disable",
		peers.PostgresUser, url.PathEscape(peers.PostgresPassword), endpoint)
}

// TestANode is one node's life. The parts share the servers and come in order.
func TestANode(t *testing.T) {
	n := startNode(t)
	t.Run("the four core checks are healthy", n.coreChecksAreHealthy)
	t.Run("Prometheus has every metric of the contract", n.contractMetrics)
	t.Run("Prometheus scrapes without a warning", n.scrapesCleanly)
	t.Run("promtool finds nothing but names of the contract", n.lintsCleanly)
	t.Run("captured traces of agents are in Jaeger span for span", n.capturesAreInJaeger)
	t.Run("Redis goes and comes back", n.redisGoesAndComesBack)
	t.Run("a busy process is unusual and a steady one is not", n.busyProcessIsUnusual)
	t.Run("Prometheus has scraped without a warning all along", n.scrapesCleanly)
	t.Run("the collector has nothing to complain of but Redis", n.logIsQuiet)
}

func (n *node) coreChecksAreHealthy(t *testing.T) {
	for _, check := range []string{"database_connectivity", "redis_connectivity", "mcp_servers_health", "system_resources"} {
		n.eventually(t, fmt.Sprintf(`agent_health_status{check_name=%q,state="healthy"} == 1`, check))
		require.Len(t, n.prometheus.must(t, fmt.Sprintf(`agent_health_status{check_name=%q}`, check)), 4)
	}
	critical := n.prometheus.must(t, `count by (check_critical) (agent_health_status{state="healthy"})`)
	require.Len(t, critical, 2)
}

func (n *node) contractMetrics(t *testing.T) {
	for _, expr := range []string{
		`agent_system_info{service="watchkeeper",version!="",environment="production",node!="",go_version=~"go1.*",start_time=~"20.*"} == 1`,
		`process_cpu_usage_percent{process_group="steady",agent_role="agent"} < 50`,
		`process_memory_usage_bytes{process_group="mcp_servers",agent_role="mcp_server"} > 10e6`,
		`process_memory_rss_bytes{process_group="mcp_servers",agent_role="mcp_server"} > 10e6`,
		`process_open_fds{process_group="busy",agent_role="agent"} >= 3`,
		`sum(agent_process_count{process_group="busy"}) == 1`,
		`database_connection_pool_active{check_name="database_connectivity",server_address!=""} == 1`,
		`redis_cluster_nodes{check_name="redis_connectivity",status="ok"} == 1`,
		`redis_cluster_nodes{check_name="redis_connectivity",status="pfail"} == 0`,
		`redis_cluster_nodes{check_name="redis_connectivity",status="fail"} == 0`,
		`agent_health_check_duration_seconds{check_name="database_connectivity",check_step="total"} > 0`,
		`agent_health_check_runs_total{check_name="redis_connectivity",result="healthy"} > 0`,
		`agent_health_consecutive_failures{check_name="redis_connectivity"} == 0`,
		`time() - agent_health_last_success_time_seconds{check_name="redis_connectivity"} < 60`,
		`agent_health_failure_probability{check_name="redis_connectivity"} < 1`,
		`agent_health_predicted_failure_seconds{check_name="redis_connectivity"} > 0`,
		`anomaly_score{metric="process.cpu.usage",process_group="steady"} >= 0`,
		`anomaly_state{metric="process.cpu.usage",process_group="steady"} >= 0`,
		`system_memory_usage_bytes > 0`,
	} {
		n.eventually(t, expr)
	}
}

func (n *node) scrapesCleanly(t *testing.T) {
	require.Empty(t, n.prometheus.scrapeErrors(t))
	log, err := os.ReadFile(filepath.Join(n.scraper.Dir, "log"))
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		require.NotContains(t, line, "level=warn")
		require.NotContains(t, line, "level=error")
	}
	require.Empty(t, n.prometheus.must(t, `scrape_samples_scraped != scrape_samples_post_metric_relabeling`))
}

// namesOfTheContract are what promtool says of names that the contract, semantic
// conventions, or the upstream receiver of host metrics, fix.
var namesOfTheContract = []string{
	`process_thread_count non-histogram and non-summary metrics should not have "_count" suffix`,
	`system_cpu_logical_count non-histogram and non-summary metrics should not have "_count" suffix`,
	`process_cpu_usage_percent use base unit "ratio" instead of "percent"`,
	`agent_process_count non-histogram and non-summary metrics should not have "_count" suffix`,
}

func (n *node) lintsCleanly(t *testing.T) {
	text, err := n.scrape(t.Context())
	require.NoError(t, err)
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	for line := range strings.Lines(string(out)) {
		require.Contains(t, namesOfTheContract, strings.TrimSpace(line))
	}
}

func (n *node) capturesAreInJaeger(t *testing.T) {
	for name, td := range captures(t) {
		t.Run(name, func(t *testing.T) {
			n.send(t, td)
			require.NotEmpty(t, plain(td))
			requireInJaeger(t, n.jaeger, []ptrace.Traces{td})
		})
	}
}

func (n *node) redisGoesAndComesBack(t *testing.T) {
	const check = "redis_connectivity"
	n.eventually(t, `agent_health_status{check_name="redis_connectivity",state="healthy"} == 1`)

	n.redis.Stop()
	stopped := time.Now()
	n.eventually(t, `agent_health_status{check_name="redis_connectivity",state="unhealthy"} == 1`)
	n.eventually(t, `agent_health_check_runs_total{check_name="redis_connectivity",result="unhealthy",error_type="refused"} > 0`)
	require.Eventually(t, func() bool { return len(n.transitions(t, check, stopped)) > 0 }, 10*time.Second, 100*time.Millisecond)
	down := n.transitions(t, check, stopped)
	require.Len(t, down, 1)
	require.Equal(t, "unhealthy", down[0].attributes["state"])
	require.Equal(t, "healthy", down[0].attributes["previous_state"])
	require.Equal(t, "refused", down[0].attributes["error.type"])
	require.Less(t, down[0].at.Sub(stopped), 2*interval)

	n.redis.Start()
	n.eventually(t, `agent_health_status{check_name="redis_connectivity",state="healthy"} == 1`)
	require.Eventually(t, func() bool {
		all := n.transitions(t, check, stopped)
		return all[len(all)-1].attributes["state"] == "healthy"
	}, 10*time.Second, 100*time.Millisecond)
	unhealthy := 0
	for _, e := range n.transitions(t, check, stopped) {
		if e.attributes["state"] == "unhealthy" {
			unhealthy++
		}
	}
	require.Equal(t, 1, unhealthy, "it is told once")

	// Every scrape since had every state: as many samples as the target has of `up`.
	seconds := int(time.Since(stopped).Seconds())
	expr := fmt.Sprintf(`count_over_time(agent_health_status{check_name="redis_connectivity"}[%ds]) - ignoring(check_name,check_type,check_critical,state,otel_scope_name,otel_scope_version) group_left count_over_time(up[%ds])`, seconds, seconds)
	gaps := n.prometheus.must(t, expr)
	require.NotEmpty(t, gaps)
	for _, gap := range gaps {
		require.Zero(t, gap.value, "%v", gap.labels)
	}
}

func (n *node) busyProcessIsUnusual(t *testing.T) {
	// The detector says nothing before it has seen 30 points; by then Prometheus,
	// which looks every second, has this many.
	n.eventually(t, `count_over_time(anomaly_score{metric="process.cpu.usage",process_group="busy"}[5m]) >= 25`)
	_, err := io.WriteString(n.busy, "go\n")
	require.NoError(t, err)
	begin := time.Now()
	n.eventually(t, `process_cpu_usage_percent{process_group="busy"} > 50`)
	n.eventually(t, `max_over_time(anomaly_state{metric="process.cpu.usage",process_group="busy"}[1m]) == 1`)
	require.Less(t, time.Since(begin), time.Minute)
	seconds := int(time.Since(begin).Seconds()) + 30
	steady := n.prometheus.must(t, fmt.Sprintf(`max_over_time(anomaly_state{metric="process.cpu.usage",process_group="steady"}[%ds])`, seconds))
	require.Len(t, steady, 1)
	require.Zero(t, steady[0].value)
}

func (n *node) logIsQuiet(t *testing.T) {
	lines := bufio.NewScanner(strings.NewReader(n.log(t)))
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, "redis_connectivity") {
			continue
		}
		require.NotContains(t, line, "\terror\t")
		require.NotContains(t, line, "\twarn\t")
		require.NotContains(t, line, "DATA RACE")
	}
}

// eventually waits until an expression has a result in Prometheus.
func (n *node) eventually(t *testing.T, expr string) {
	t.Helper()
	require.Eventually(t, func() bool { return n.prometheus.truth(t.Context(), expr) },
		time.Minute, 100*time.Millisecond, "Prometheus has no result for %s", expr)
}
