package agenthealth

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

type (
	builder   = metadata.MetricsBuilder
	timestamp = pcommon.Timestamp
)

// recordMeasurement says how to record what probes measure, by the name on which
// the probe and metadata.yaml agree. It is never written to.
var recordMeasurement = map[string]func(b *builder, at timestamp, checkName string, m check.Measurement){
	"database.connection_pool.active": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseConnectionPoolActiveDataPoint(at, int64(m.Value), checkName, m.Attributes["server.address"])
	},
	"database.connection_pool.utilization": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseConnectionPoolUtilizationDataPoint(at, m.Value, checkName, m.Attributes["server.address"])
	},
	"database.size": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseSizeDataPoint(at, int64(m.Value), checkName, m.Attributes["server.address"])
	},
	"http.certificate.expiry": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHTTPCertificateExpiryDataPoint(at, m.Value, checkName)
	},
	"mcp.tools": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpToolsDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"])
	},
	"mcp.tools.definition_size": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpToolsDefinitionSizeDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"])
	},
	"redis.clients.connected": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClientsConnectedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.cluster.nodes": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClusterNodesDataPoint(at, int64(m.Value), checkName, metadata.MapAttributeNodeStatus[m.Attributes["status"]])
	},
	"redis.memory.used": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisMemoryUsedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.memory.utilization": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisMemoryUtilizationDataPoint(at, m.Value, checkName)
	},
}
