package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// dependent is a node that watches what its agents stand on.
type dependent struct {
	node
	// heartbeats is where agents call in.
	heartbeats string
}

// startDependencies runs the shipped dependencies.yaml, its addresses taken from env,
// and a Prometheus that scrapes it. What has no address in env is away.
func startDependencies(t *testing.T, env map[string]string) *dependent {
	t.Helper()
	heartbeats := peers.FreeEndpoint(t)
	vars := map[string]string{
		"WATCHKEEPER_INTERVAL":           interval.String(),
		"WATCHKEEPER_HEARTBEAT_ENDPOINT": heartbeats,
		"HEARTBEAT_EVERY":                "1s",
		"MCP_STDIO_INTERVAL":             "2s",
	}
	for _, name := range []string{
		"POSTGRES_ENDPOINT", "POSTGRES_REPLICA_ENDPOINT", "REDIS_ENDPOINT", "REDIS_CLUSTER_ENDPOINT", "REDIS_SENTINEL_ENDPOINT",
		"BROKER_ENDPOINT", "GRPC_ENDPOINT", "JAEGER_ENDPOINT",
	} {
		vars[name] = peers.FreeEndpoint(t)
	}
	for _, name := range []string{"MCP_ENDPOINT", "A2A_ENDPOINT", "API_ENDPOINT"} {
		vars[name] = "http://" + peers.FreeEndpoint(t)
	}
	for name, value := range env {
		vars[name] = value
	}
	n := &dependent{heartbeats: heartbeats}
	n.watchkeeper = startWatchkeeper(t, shipped(t, "dependencies.yaml"), vars)
	n.scrapeWithPrometheus(t)
	return n
}

// status waits until a check has a state in Prometheus.
func (n *dependent) status(t *testing.T, check, state string) {
	t.Helper()
	n.eventually(t, fmt.Sprintf(`agent_health_status{check_name=%q,state=%q} == 1`, check, state))
}

func TestTheShippedDependenciesAreAllHealthyWhereTheyAre(t *testing.T) {
	primary := peers.Postgres(t)
	script := filepath.Join(peers.Root(t), "internal", "tools", "mcp", "node_modules",
		"@modelcontextprotocol", "server-everything", "dist", "index.js")
	interpreter, err := exec.LookPath("node")
	require.NoError(t, err)
	port := listen(t)
	n := startDependencies(t, map[string]string{
		"POSTGRES_ENDPOINT": primary.Endpoint, "POSTGRES_REPLICA_ENDPOINT": peers.PostgresReplica(t, primary).Endpoint,
		"PGUSER": peers.PostgresUser, "PGPASSWORD": peers.PostgresPassword,
		"REDIS_ENDPOINT": peers.Redis(t).Endpoint, "REDIS_CLUSTER_ENDPOINT": peers.RedisCluster(t).Endpoint,
		"REDIS_SENTINEL_ENDPOINT": peers.RedisSentinel(t, peers.Redis(t), 1).Endpoint,
		"MCP_ENDPOINT":            "http://" + peers.MCP(t).Endpoint + "/mcp", "MCP_COMMAND": interpreter, "MCP_SCRIPT": script,
		"A2A_ENDPOINT": planner(t), "API_ENDPOINT": "http://" + port.address + "/healthz",
		"BROKER_ENDPOINT": port.address, "GRPC_ENDPOINT": rpc(t).address,
	})
	agent := n.agent(t)
	agent.tell(calls | spans)
	for _, check := range []string{
		"database", "database_replica", "cache", "cache_cluster", "cache_sentinel", "tools", "tools_stdio", "planner",
		"api", "broker", "rpc", "nightly_report", "researcher",
	} {
		n.status(t, check, "healthy")
	}
	n.eventually(t, `agent_health_check_runs_total{check_name="host"} > 0`) // how this machine fares is its business
	n.eventually(t, `heartbeat_instances{check_name="researcher"} == 1`)
	n.eventually(t, `heartbeat_work_age_seconds{check_name="researcher"} >= 0`)
	n.scrapesCleanly(t)
	require.NotContains(t, n.log(t), "\terror\tagenthealth")
	requireLoopbackOnly(t, n.Pid())
	requireNobodyElseReads(t, filepath.Join(n.state, "storage"), "agenthealth", peers.PostgresPassword)
}

// requireNobodyElseReads fails unless there is a file of that component below dir, and
// every file there is its owner's alone and holds no secret.
func requireNobodyElseReads(t *testing.T, dir, component, secret string) {
	t.Helper()
	seen := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), path)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		require.False(t, bytes.Contains(text, []byte(secret)), path)
		if strings.Contains(strings.ReplaceAll(entry.Name(), "_", ""), component) {
			seen++
		}
		return nil
	}))
	require.Equal(t, 1, seen, "files of %s below %s", component, dir)
}

func TestServersThatGoAndComeBack(t *testing.T) {
	web, service := listen(t), rpc(t)
	n := startDependencies(t, map[string]string{
		"API_ENDPOINT": "http://" + web.address + "/healthz", "BROKER_ENDPOINT": web.address, "GRPC_ENDPOINT": service.address,
	})
	for _, check := range []string{"api", "broker", "rpc"} {
		n.status(t, check, "healthy")
	}

	web.stop()
	n.status(t, "api", "unhealthy")
	n.status(t, "broker", "unhealthy")
	n.eventually(t, `agent_health_check_runs_total{check_name="api",error_type="refused"} > 0 and on () agent_health_check_runs_total{check_name="broker",error_type="refused"} > 0`)
	web.start()
	n.status(t, "api", "healthy")
	n.status(t, "broker", "healthy")
	web.broken.Store(true)
	n.status(t, "api", "unhealthy")
	n.eventually(t, `agent_health_check_runs_total{check_name="api",error_type="assertion"} > 0`)
	n.status(t, "broker", "healthy")

	service.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	n.status(t, "rpc", "unhealthy")
	n.eventually(t, `agent_health_check_runs_total{check_name="rpc",error_type="assertion"} > 0`)
	service.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	n.status(t, "rpc", "healthy")
	service.server.Stop()
	n.eventually(t, `agent_health_check_runs_total{check_name="rpc",error_type="refused"} > 0`)
	n.status(t, "rpc", "unhealthy")
}

func TestAgentsThatFallSilentAndComeBack(t *testing.T) {
	n := startDependencies(t, map[string]string{"RESEARCHER_WORK_INTERVAL": "6s"})
	agent := n.agent(t)
	agent.tell(calls | spans | metrics)
	n.status(t, "nightly_report", "healthy")
	n.status(t, "researcher", "healthy")

	// Each time the gravest state must be that of the condition, in Prometheus and in
	// the event.
	for _, c := range []struct {
		sent      int32
		condition string
	}{{metrics, "silent"}, {0, "dead"}, {openSpans, "wedged"}} {
		t.Run(c.condition, func(t *testing.T) {
			began := time.Now()
			agent.tell(c.sent)
			n.status(t, "researcher", "unhealthy")
			require.Eventually(t, func() bool { return n.condition(t, "researcher", began) == c.condition }, 20*time.Second, 100*time.Millisecond)
			agent.tell(calls | spans | metrics)
			n.status(t, "researcher", "healthy")
		})
	}
	t.Run("without calls", func(t *testing.T) {
		began := time.Now()
		agent.tell(spans)
		n.status(t, "nightly_report", "unhealthy")
		require.Eventually(t, func() bool { return n.condition(t, "nightly_report", began) == "dead" }, 20*time.Second, 100*time.Millisecond)
		agent.tell(calls | spans)
		n.status(t, "nightly_report", "healthy")
	})
	for line := range strings.Lines(n.log(t)) {
		if strings.Contains(line, "otlp_http/heartbeats") {
			require.NotContains(t, line, "failed")
		}
	}
}

// condition is what the last event told that ails a check that is unhealthy.
func (n *dependent) condition(t *testing.T, check string, after time.Time) (condition string) {
	t.Helper()
	for _, e := range n.transitions(t, check, after) {
		if e.attributes["state"] == "unhealthy" {
			condition = e.attributes["heartbeat.condition"]
		}
	}
	return condition
}

// What a simulated agent may send.
const (
	calls int32 = 1 << iota
	metrics
	spans
	openSpans
)

// agent sends signs of life five times a second until the test ends: calls to the
// server for heartbeats, telemetry to the OTLP receiver.
type agent struct{ sends atomic.Int32 }

func (a *agent) tell(what int32) { a.sends.Store(what) }

func (n *dependent) agent(t *testing.T) *agent {
	t.Helper()
	a := new(agent)
	client := &http.Client{Timeout: 5 * time.Second}
	post := func(url, kind string, body []byte) {
		// One that fails will be missed, which is what the test looks at.
		if response, err := client.Post(url, kind, bytes.NewReader(body)); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
	}
	stop, stopped := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for step := 0; ; step++ {
			what := a.sends.Load()
			if what&calls != 0 {
				post("http://"+n.heartbeats+"/heartbeat/nightly_report", "text/plain", fmt.Appendf(nil, "page %d", step))
			}
			if what&metrics != 0 {
				post("http://"+n.otlpHTTP+"/v1/metrics", "application/x-protobuf", oneMetric("researcher"))
			}
			if what&spans != 0 {
				post("http://"+n.otlpHTTP+"/v1/traces", "application/x-protobuf", oneSpan("researcher", time.Now()))
			}
			if what&openSpans != 0 {
				post("http://"+n.otlpHTTP+"/v1/traces", "application/x-protobuf", oneSpan("researcher", time.Time{}))
			}
			select {
			case <-tick.C:
			case <-stop.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { stopped(); <-done; client.CloseIdleConnections() })
	return a
}

func oneSpan(service string, end time.Time) []byte {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{1})
	span.SetSpanID(pcommon.SpanID{1})
	span.SetName("step")
	if !end.IsZero() {
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		panic(err)
	}
	return body
}

func oneMetric(service string) []byte {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", service)
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("agent.steps")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	if err != nil {
		panic(err)
	}
	return body
}

// webServer is an HTTP server that can be stopped and started at one address.
type webServer struct {
	address string
	// broken has it answer 500.
	broken atomic.Bool
	t      *testing.T
	server *http.Server
}

func listen(t *testing.T) *webServer {
	t.Helper()
	w := &webServer{address: peers.FreeEndpoint(t), t: t}
	w.start()
	t.Cleanup(func() { _ = w.server.Close() })
	return w
}

func (w *webServer) start() {
	listener, err := net.Listen("tcp", w.address)
	require.NoError(w.t, err)
	w.server = &http.Server{Handler: http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		if w.broken.Load() {
			answer.WriteHeader(http.StatusInternalServerError)
		}
	})}
	server := w.server
	go func() { _ = server.Serve(listener) }()
}

func (w *webServer) stop() { require.NoError(w.t, w.server.Close()) }

// rpcServer is a gRPC server with the standard health service.
type rpcServer struct {
	address string
	server  *grpc.Server
	health  *health.Server
}

func rpc(t *testing.T) *rpcServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &rpcServer{address: listener.Addr().String(), server: grpc.NewServer(), health: health.NewServer()}
	healthpb.RegisterHealthServer(s.server, s.health)
	go func() { _ = s.server.Serve(listener) }()
	t.Cleanup(s.server.Stop)
	return s
}
