package workflow

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/tally"
)

// The names that dashboards and rules are written for.
var contract = map[string]string{
	"agent_workflow_executions_total":  "workflow_type agent_id outcome complexity_tier",
	"agent_workflow_duration_seconds":  "workflow_type complexity_tier",
	"agent_active_workflows":           "workflow_type priority",
	"agent_workflow_oldest_seconds":    "",
	"agent_workflow_stalled":           "workflow_type",
	"agent_workflow_loops_total":       "detector",
	"agent_tool_calls_total":           "tool agent status error_type",
	"agent_tool_call_duration_seconds": "tool agent",
	"mcp_tool_calls_total":             "server tool status error_type",
	"mcp_tool_call_duration_seconds":   "server tool",
	"a2a_messages_sent_total":          "message_type recipient_type priority",
	"a2a_messages_received_total":      "message_type sender_type processing_status",
	"a2a_message_latency_seconds":      "message_type",
	"http_requests_total":              "method endpoint status_class",
	"http_request_duration_seconds":    "method endpoint status_class",
	"errors_total":                     "error_type component severity recoverable",
	"cache_operations_total":           "operation cache_type result",
	"cache_hit_ratio":                  "cache_type",
	"database_operations_total":        "operation table query_type",
	"gen_ai_tokens_total":              "provider model token_type",
	"gen_ai_cost_usd_total":            "provider model",
	"gen_ai_price_lookups_total":       "status",
}

func TestCatalogueKeepsTheContractAndTheReadmeTellsOfIt(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	kinds := map[Instrument]otlptranslator.MetricType{
		Counter: otlptranslator.MetricTypeMonotonicCounter, Histogram: otlptranslator.MetricTypeHistogram, Gauge: otlptranslator.MetricTypeGauge,
	}
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	got := make(map[string]string)
	for m := range Catalogue() {
		name, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kinds[m.Instrument]})
		require.NoError(t, err)
		got[name] = strings.Join(m.Labels, " ")
		require.LessOrEqual(t, len(m.Labels), tally.MaxLabels)
		require.NotEmpty(t, m.Description)
		require.Equal(t, m.Instrument == Histogram, len(m.Bounds) > 0, name)
		require.Contains(t, string(readme), "`"+name+"`")
	}
	require.Equal(t, contract, got)
}
