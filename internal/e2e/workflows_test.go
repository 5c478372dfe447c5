package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// workload is what really happened while a capture was taken: as the model server
// and the tools saw it, and as many runs as prompts were given.
type workload struct {
	tools  map[string]float64 // "name status"
	tokens map[string]float64 // by token_type
	calls  float64            // of models, that were answered
}

// untold names the captures whose emitter does not say how many tokens came from
// the cache.
var untold = []string{"langgraph-openllmetry", "openai-client-otel"}

// runs is how many workflows there were of each outcome: the prompts of the
// captures, of which the last makes the model fail.
var runs = map[string]map[string]float64{
	"genkit":                      {"success": 2, "failed": 2}, // a tool that throws ends the flow
	"langgraph-openinference":     {"success": 1, "failed": 1},
	"langgraph-openllmetry":       {"success": 1},
	"mastra":                      {"success": 3, "failed": 1},
	"openai-client-otel":          {"success": 3, "failed": 1},
	"strands-agents":              {"success": 3, "failed": 1},
	"vercel-ai-sdk":               {"success": 3, "failed": 1},
	"vercel-ai-sdk-legacy":        {"success": 3, "failed": 1},
	"openai-agents-openinference": {"success": 4, "failed": 3},
}

func truthOf(t *testing.T, capture string) workload {
	file, err := os.Open("../../testdata/otlp/" + capture + ".truth.ndjson")
	require.NoError(t, err)
	defer file.Close()
	w := workload{tools: make(map[string]float64), tokens: make(map[string]float64)}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			What, Name   string
			OK           bool
			Status       int
			InputTokens  float64 `json:"input_tokens"`
			OutputTokens float64 `json:"output_tokens"`
			CachedTokens float64 `json:"cached_input_tokens"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		switch {
		case line.What == "tool" && line.OK:
			w.tools[line.Name+" success"]++
		case line.What == "tool":
			w.tools[line.Name+" error"]++
		case line.What == "embeddings" || line.Status == 200:
			w.calls++
			w.tokens["input"] += line.InputTokens
			w.tokens["output"] += line.OutputTokens
			w.tokens["cache_read"] += line.CachedTokens
		}
	}
	require.NoError(t, lines.Err())
	if w.tokens["cache_read"] == 0 || slices.Contains(untold, capture) {
		delete(w.tokens, "cache_read")
	}
	return w
}

// TestWhatEveryFrameworkDidIsInPrometheus gives each capture to a collector of its
// own and asks Prometheus what happened.
func TestWhatEveryFrameworkDidIsInPrometheus(t *testing.T) {
	all := captures(t)
	var targets strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w := startWatchkeeper(t, shipped(t, "quickstart.yaml"), map[string]string{"WATCHKEEPER_INTERVAL": "1s"})
		w.send(t, all[name])
		fmt.Fprintf(&targets, "      - {targets: [%q], labels: {capture: %q}}\n", w.metrics, name)
	}
	store := peers.Prometheus(t, "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"+
		"  - job_name: watchkeeper\n    static_configs:\n"+targets.String())
	p := prometheus{url: "http://" + store.Endpoint}
	// by asks for a sum by some labels, joined by blanks.
	by := func(metric, capture string, labels ...string) map[string]float64 {
		samples, err := p.query(t.Context(), fmt.Sprintf("sum by (%s) (%s{capture=%q})", strings.Join(labels, ","), metric, capture))
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
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			want := truthOf(t, name)
			require.EventuallyWithT(t, func(c *assert.CollectT) {
				assert.Equal(c, want.tools, by("agent_tool_calls_total", name, "tool", "status"))
				assert.Equal(c, want.tokens, by("gen_ai_tokens_total", name, "token_type"))
				assert.Equal(c, want.calls, by("gen_ai_price_lookups_total", name)[""])
				assert.Equal(c, runs[name], by("agent_workflow_executions_total", name, "outcome"))
				ended := 0.0
				for _, n := range runs[name] {
					ended += n
				}
				assert.Equal(c, ended, by("agent_workflow_duration_seconds_count", name)[""])
			}, 90*time.Second, 500*time.Millisecond)
			tools := 0.0
			for _, n := range want.tools {
				tools += n
			}
			require.Equal(t, tools, by("agent_tool_call_duration_seconds_count", name)[""])
			require.Positive(t, by("gen_ai_cost_usd_total", name)[""])
			require.Empty(t, by("agent_workflow_loops_total", name, "detector"), "nothing looped")
		})
	}
}
