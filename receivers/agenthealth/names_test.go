package agenthealth

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Dashboards and alert rules are written against these names.
func TestNamesInPrometheus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		batch := sent(t, time.Minute, fake("all", answering(measured()))).last()
		namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
		var got []string
		for _, m := range batch.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
			var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
			if m.Type() == pmetric.MetricTypeSum {
				kind = otlptranslator.MetricTypeNonMonotonicCounter
				if m.Sum().IsMonotonic() {
					kind = otlptranslator.MetricTypeMonotonicCounter
				}
			}
			require.NotEmpty(t, m.Description(), m.Name())
			name, err := namer.Build(otlptranslator.Metric{Name: m.Name(), Unit: m.Unit(), Type: kind})
			require.NoError(t, err)
			got = append(got, name)
		}
		require.ElementsMatch(t, []string{
			"a2a_agent_card_size_bytes",
			"a2a_agent_interfaces",
			"a2a_agent_skills",
			"agent_health_availability_ratio",
			"agent_health_check_duration_seconds",
			"agent_health_check_runs_total",
			"agent_health_consecutive_failures",
			"agent_health_failure_probability",
			"agent_health_last_success_time_seconds",
			"agent_health_predicted_failure_seconds",
			"agent_health_status",
			"database_connection_pool_active",
			"database_connection_pool_utilization_ratio",
			"database_connection_pool_waiting",
			"database_replication_lag_seconds",
			"database_size_bytes",
			"database_transaction_oldest_age_seconds",
			"heartbeat_age_seconds",
			"heartbeat_instances",
			"heartbeat_signal_age_seconds",
			"heartbeat_work_age_seconds",
			"host_load",
			"host_pressure_ratio",
			"host_utilization_ratio",
			"http_certificate_expiry_seconds",
			"mcp_certificate_expiry_seconds",
			"mcp_contract_differences",
			"mcp_protocol_info",
			"mcp_token_expiry_seconds",
			"mcp_tools",
			"mcp_tools_definition_size_bytes",
			"mcp_tools_definition_tokens",
			"redis_clients_connected",
			"redis_cluster_nodes",
			"redis_cluster_slots_uncovered",
			"redis_cluster_state",
			"redis_keys_evicted_total",
			"redis_memory_used_bytes",
			"redis_memory_utilization_ratio",
			"redis_replicas_connected",
			"redis_replication_link_up",
			"redis_sentinel_masters",
			"redis_sentinel_quorum_missing",
			"tls_certificate_expiry_seconds",
		}, got)
	})
}
