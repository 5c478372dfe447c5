package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// logTail is how much of a log is shown when its writer has failed, in bytes.
const logTail = 4 << 10

// cast is everything that takes part.
type cast struct {
	jaeger                       *peers.JaegerServer
	database, cache, tools       *peers.Server
	watchkeeper, prometheus      *peers.Server
	fleet                        *peers.Server
	otlp, otlpHTTP, scrape, home string
	// fallen gets the name of what has ended without being asked to.
	fallen chan string
}

// enter starts everything.
func enter(s *stage, o options) *cast {
	c := &cast{fallen: make(chan string, 1)}
	for _, file := range []*string{&o.watchkeeper, &o.fleetsim, &o.config} {
		absolute, err := filepath.Abs(*file)
		if err != nil {
			s.Fatal(err)
		}
		*file = absolute
	}
	start := func(name string, f func()) {
		if s.ctx.Err() != nil {
			return
		}
		s.Logf("starting %s", name)
		f()
	}
	start("PostgreSQL", func() { c.database = peers.Postgres(s) })
	start("Redis", func() { c.cache = peers.Redis(s) })
	start("an MCP server", func() { c.tools = peers.MCP(s) })
	start("Jaeger", func() { c.jaeger = peers.Jaeger(s) })
	start("Watchkeeper", func() { c.startWatchkeeper(s, o) })
	start("Prometheus", func() { c.startPrometheus(s) })
	start("the fleet", func() { c.startFleet(s, o) })
	if s.ctx.Err() == nil {
		c.watch()
	}
	return c
}

func (c *cast) startWatchkeeper(s *stage, o options) {
	port := func(usual int) string {
		if !o.freePorts && isFree(s.ctx, usual) {
			return strconv.Itoa(usual)
		}
		_, free, err := net.SplitHostPort(peers.FreeEndpoint(s))
		if err != nil {
			s.Fatal(err)
		}
		return free
	}
	c.otlp, c.otlpHTTP, c.scrape = "127.0.0.1:"+port(4317), "127.0.0.1:"+port(4318), "127.0.0.1:"+port(8889)
	c.home = peers.Dir(s, "")
	c.watchkeeper = peers.Start(s, peers.Command{
		Path: o.watchkeeper,
		Args: func(string, int) []string { return []string{"--config", o.config} },
		Env: func(_ string, health int) []string {
			return []string{
				"WATCHKEEPER_OTLP_GRPC_ENDPOINT=" + c.otlp,
				"WATCHKEEPER_OTLP_HTTP_ENDPOINT=" + c.otlpHTTP,
				"WATCHKEEPER_PROMETHEUS_ENDPOINT=" + c.scrape,
				"WATCHKEEPER_HEALTH_ENDPOINT=127.0.0.1:" + strconv.Itoa(health),
				"WATCHKEEPER_TELEMETRY_PORT=" + port(8888),
				"WATCHKEEPER_STATE_DIR=" + c.home,
				"POSTGRES_ENDPOINT=" + c.database.Endpoint,
				"PGUSER=" + peers.PostgresUser,
				"PGPASSWORD=" + peers.PostgresPassword,
				"REDIS_ENDPOINT=" + c.cache.Endpoint,
				"MCP_ENDPOINT=http://" + c.tools.Endpoint + "/mcp",
				"JAEGER_ENDPOINT=" + c.jaeger.OTLP,
			}
		},
		Ready: func(ctx context.Context, endpoint string) error { return peers.OK(ctx, "http://"+endpoint+"/") },
	})
}

func (c *cast) startPrometheus(s *stage) {
	c.prometheus = peers.Prometheus(s, fmt.Sprintf(`
global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}
rule_files: [%q]
scrape_configs:
  - job_name: watchkeeper
    static_configs: [{targets: [%q]}]
`, filepath.Join(peers.Root(s), "alerts", "*.yml"), c.scrape))
}

func (c *cast) startFleet(s *stage, o options) {
	database := url.URL{
		Scheme: "postgres", User: url.UserPassword(peers.PostgresUser, peers.PostgresPassword),
		Host: c.database.Endpoint, Path: "/postgres", RawQuery: "sslmode=disable",
	}
	c.fleet = peers.Start(s, peers.Command{
		Path: o.fleetsim,
		Args: func(_ string, control int) []string {
			return []string{
				"--otlp", c.otlp, "--control", "127.0.0.1:" + strconv.Itoa(control), "--postgres", database.String(),
				"--redis", c.cache.Endpoint, "--rate", strconv.FormatFloat(o.rate, 'g', -1, 64), "--grace", "5s",
			}
		},
		Ready: func(ctx context.Context, endpoint string) error { return peers.OK(ctx, "http://"+endpoint+"/") },
	})
}

// watch tells of what ends by itself, but for the dependencies: to stop one, and to
// see it missed, is a part of the demonstration.
func (c *cast) watch() {
	for _, name := range []string{"Jaeger", "Watchkeeper", "Prometheus", "the fleet"} {
		exited := c.servers()[name].Exited()
		go func() {
			<-exited
			select {
			case c.fallen <- name:
			default:
			}
		}()
	}
}

func (c *cast) servers() map[string]*peers.Server {
	return map[string]*peers.Server{
		"PostgreSQL": c.database, "Redis": c.cache, "the MCP server": c.tools, "Jaeger": c.jaeger.Server,
		"Watchkeeper": c.watchkeeper, "Prometheus": c.prometheus, "the fleet": c.fleet,
	}
}

// introduce says what is where, and what to look at.
func (c *cast) introduce(w io.Writer) {
	_, _ = fmt.Fprintln(w, "\nEverything runs, on loopback only. Ctrl-C stops it.")
	_, _ = fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][3]string{
		{"Watchkeeper", "http://" + c.scrape + "/metrics", "agent_health_status, agent_workflow_executions_total, anomaly_state"},
		{"  OTLP", c.otlp + ", http://" + c.otlpHTTP, "agents of your own may send here"},
		{"  events", filepath.Join(c.home, "events.jsonl"), "what has changed, a line of JSON each"},
		{"Prometheus", "http://" + c.prometheus.Endpoint, "the same over time; /alerts has the shipped rules"},
		{"Jaeger", "http://" + c.jaeger.Query, "traces of the services planner, researcher, writer, toolbox"},
		{"PostgreSQL", c.database.Endpoint, "user " + peers.PostgresUser + ", password \"" + peers.PostgresPassword + "\""},
		{"Redis", c.cache.Endpoint, "shut it down, and redis_connectivity is unhealthy"},
		{"MCP server", "http://" + c.tools.Endpoint + "/mcp", "mcp_servers_health looks at it"},
		{"Fleet", "http://" + c.fleet.Endpoint, "its faults, and whether they are on"},
	} {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", row[0], row[1], row[2])
	}
	_ = table.Flush()
	_, _ = fmt.Fprintf(w, `
Try: curl -X POST 'http://%[1]s/faults/leak?on=true'   and see process_memory_usage_bytes{process_group="leaking"}
     curl -X POST 'http://%[1]s/faults/loop?on=true'   and see agent_workflow_loops_total, the event workflow.loop, and its trace in Jaeger
     also: stall, tool_failure, slow_dependency; on=false ends them
`, c.fleet.Endpoint)
}

// truth returns the line that the fleet has ended with.
func (c *cast) truth() string {
	lines := bytes.Split(bytes.TrimSpace(logOf(c.fleet, 1<<20)), []byte("\n"))
	return string(lines[len(lines)-1])
}

func (c *cast) logOf(name string) string { return string(logOf(c.servers()[name], logTail)) }

// logOf returns the end of a server's log.
func logOf(s *peers.Server, tail int) []byte {
	text, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-tail):]
}

func isFree(ctx context.Context, port int) bool {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
