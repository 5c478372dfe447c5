package e2e

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// fleet is what the simulated fleet says it has done, by name and then by what
// became of it.
type fleet struct {
	Workflows   map[string]map[string]float64
	ToolCalls   map[string]map[string]float64 `json:"tool_calls"`
	ModelCalls  map[string]map[string]float64 `json:"model_calls"`
	Tokens      map[string]map[string]float64
	MCPCalls    map[string]map[string]float64 `json:"mcp_calls"`
	A2AMessages map[string]map[string]float64 `json:"a2a_messages"`
	HTTPServer  map[string]map[string]float64 `json:"http_server"`
	Database    map[string]map[string]float64
	Cache       map[string]map[string]float64
	Failed      float64 `json:"export_errors"`
}

// runFleet runs the simulated fleet against a collector until it has done what it
// was asked for.
func runFleet(t *testing.T, args ...string) (did fleet) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "fleetsim")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/fleetsim")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	var told, said bytes.Buffer
	run := exec.CommandContext(t.Context(), program, args...)
	run.Stdout, run.Stderr = &told, &said
	require.NoError(t, run.Run(), "%s", said.String())
	lines := strings.Split(strings.TrimSpace(told.String()), "\n")
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &did), told.String())
	require.Zero(t, did.Failed, said.String())
	return did
}

// flat joins both keys by a blank. Names that say the same in other words are put
// into those of the metrics.
func flat(counts map[string]map[string]float64, words ...string) map[string]float64 {
	replace := strings.NewReplacer(words...)
	found := make(map[string]float64)
	for name, by := range counts {
		for what, n := range by {
			if n > 0 {
				found[replace.Replace(name+" "+what)] += n
			}
		}
	}
	return found
}

// TestAgentsThatGoRoundAndRoundAreToldOnceEach looks for what a person would: the
// metric, one event a workflow with a link, and what the trace says of itself.
func TestAgentsThatGoRoundAndRoundAreToldOnceEach(t *testing.T) {
	store := peers.Jaeger(t)
	n := &node{jaeger: jaeger{url: "http://" + store.Query}}
	n.watchkeeper = startWatchkeeper(t, shipped(t, "agent.yaml"), map[string]string{
		"WATCHKEEPER_INTERVAL": "1s", "JAEGER_ENDPOINT": store.OTLP, "JAEGER_UI_ENDPOINT": "http://jaeger.example",
	})
	n.scrapeWithPrometheus(t)
	did := runFleet(t, "--otlp", n.otlpGRPC, "--workflows", "8", "--rate", "0", "--faults", "loop", "--failures", "0")
	looped := 0.0
	for _, by := range did.Workflows {
		looped += by["failed"]
	}
	require.Positive(t, looped)
	n.eventually(t, fmt.Sprintf(`sum(agent_workflow_loops_total{detector="stuck"}) == %v`, looped))
	require.Eventually(t, func() bool { return float64(len(n.named(t, "workflow.loop"))) >= looped }, time.Minute, 200*time.Millisecond)
	told := make(map[string]bool)
	for _, e := range n.named(t, "workflow.loop") {
		link := e.attributes["watchkeeper.trace.url"]
		require.False(t, told[link], "told twice: %s", link)
		told[link] = true
		require.Contains(t, e.body, "without anything having changed")
		_, id, ok := strings.Cut(link, "http://jaeger.example/trace/")
		require.True(t, ok, link)
		id, _, _ = strings.Cut(id, "?")
		n.rootSays(t, id, map[string]string{"watchkeeper.workflow.outcome": "failed", "sampling.priority": "1"})
	}
	require.Len(t, told, int(looped))
}

// rootSays waits until the root of a trace in Jaeger has these attributes.
func (n *node) rootSays(t *testing.T, trace string, want map[string]string) {
	t.Helper()
	var id pcommon.TraceID
	_, err := hex.Decode(id[:], []byte(trace))
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		td, err := n.jaeger.trace(t.Context(), id)
		require.NoError(c, err)
		roots := 0
		for _, s := range plain(td) {
			if s.Parent != "" {
				continue
			}
			roots++
			for key, value := range want {
				assert.Equal(c, value, s.Attributes[key], key)
			}
			assert.Contains(c, s.Attributes, "watchkeeper.workflow.critical_path")
		}
		assert.Equal(c, 1, roots)
	}, 30*time.Second, 200*time.Millisecond)
}

// TestTheMetricsOfAFleetAreWhatItDid compares what agents, tools, models and
// stores counted themselves with what Prometheus has, to the last call.
func TestTheMetricsOfAFleetAreWhatItDid(t *testing.T) {
	database, cache, store := peers.Postgres(t), peers.Redis(t), peers.Jaeger(t)
	n := &node{jaeger: jaeger{url: "http://" + store.Query}}
	n.watchkeeper = startWatchkeeper(t, shipped(t, "agent.yaml"), map[string]string{
		"WATCHKEEPER_INTERVAL": "1s",
		"POSTGRES_ENDPOINT":    database.Endpoint, "PGUSER": peers.PostgresUser, "PGPASSWORD": peers.PostgresPassword,
		"REDIS_ENDPOINT": cache.Endpoint, "JAEGER_ENDPOINT": store.OTLP,
	})
	n.scrapeWithPrometheus(t)
	did := runFleet(t, "--otlp", n.otlpGRPC, "--workflows", "60", "--rate", "20", "--seed", "7",
		"--postgres", databaseURL(database.Endpoint), "--redis", cache.Endpoint)
	by := func(expr string, labels ...string) map[string]float64 {
		samples, err := n.prometheus.query(t.Context(), fmt.Sprintf("sum by (%s) (%s)", strings.Join(labels, ","), expr))
		if err != nil {
			return nil
		}
		found := make(map[string]float64)
		for _, s := range samples {
			var key []string
			for _, l := range labels {
				key = append(key, s.labels[l])
			}
			found[strings.Join(key, " ")] = s.value
		}
		return found
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, flat(did.Workflows), by("agent_workflow_executions_total", "workflow_type", "outcome"))
		assert.Equal(c, flat(did.ToolCalls, " failed", " error"), by("agent_tool_calls_total", "tool", "status"))
		assert.Equal(c, flat(did.MCPCalls, " failed", " error"), by("mcp_tool_calls_total", "tool", "status"))
		assert.Equal(c, flat(did.Tokens), by("gen_ai_tokens_total", "model", "token_type"))
		sent, received := make(map[string]float64), make(map[string]float64)
		for method, messages := range did.A2AMessages {
			sent[method], received[method] = messages["sent"], messages["received"]
		}
		assert.Equal(c, sent, by("a2a_messages_sent_total", "message_type"))
		assert.Equal(c, received, by("a2a_messages_received_total", "message_type"))
		assert.Equal(c, flat(did.HTTPServer), by("http_requests_total", "method", "endpoint", "status_class"))
		assert.Equal(c, flat(did.Database), by("database_operations_total", "operation", "table"))
		assert.Equal(c, flat(did.Cache, " ok", " success"), by("cache_operations_total", "operation", "result"))
	}, time.Minute, 500*time.Millisecond)
	for _, metric := range []string{
		"agent_workflow_duration_seconds_count", "agent_tool_call_duration_seconds_count", "mcp_tool_call_duration_seconds_count",
		"a2a_message_latency_seconds_count", "http_request_duration_seconds_count", "gen_ai_cost_usd_total", "cache_hit_ratio",
	} {
		require.True(t, n.prometheus.truth(t.Context(), metric+" > 0"), metric)
	}
	require.False(t, n.prometheus.truth(t.Context(), `{otel_metric_overflow="true"}`), "a small fleet fits")
}
