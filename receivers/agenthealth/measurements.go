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
	"a2a.agent.card.size": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordA2aAgentCardSizeDataPoint(at, int64(m.Value), checkName)
	},
	"a2a.agent.interfaces": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordA2aAgentInterfacesDataPoint(at, int64(m.Value), checkName, m.Attributes["a2a.protocol.version"], metadata.MapAttributeA2aProtocolBinding[m.Attributes["a2a.protocol.binding"]])
	},
	"a2a.agent.skills": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordA2aAgentSkillsDataPoint(at, int64(m.Value), checkName)
	},
	"database.connection_pool.active": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseConnectionPoolActiveDataPoint(at, int64(m.Value), checkName, m.Attributes["server.address"])
	},
	"database.connection_pool.utilization": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseConnectionPoolUtilizationDataPoint(at, m.Value, checkName, m.Attributes["server.address"])
	},
	"database.connection_pool.waiting": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseConnectionPoolWaitingDataPoint(at, int64(m.Value), checkName, m.Attributes["server.address"])
	},
	"database.replication.lag": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseReplicationLagDataPoint(at, m.Value, checkName, m.Attributes["server.address"])
	},
	"database.size": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseSizeDataPoint(at, int64(m.Value), checkName, m.Attributes["server.address"])
	},
	"database.transaction.oldest_age": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordDatabaseTransactionOldestAgeDataPoint(at, m.Value, checkName, m.Attributes["server.address"])
	},
	"heartbeat.age": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHeartbeatAgeDataPoint(at, m.Value, checkName)
	},
	"heartbeat.instances": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHeartbeatInstancesDataPoint(at, int64(m.Value), checkName)
	},
	"heartbeat.signal.age": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHeartbeatSignalAgeDataPoint(at, m.Value, checkName, metadata.MapAttributeHeartbeatSignal[m.Attributes["signal"]])
	},
	"heartbeat.work.age": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHeartbeatWorkAgeDataPoint(at, m.Value, checkName)
	},
	"host.load": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHostLoadDataPoint(at, m.Value, checkName)
	},
	"host.pressure": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHostPressureDataPoint(at, m.Value, checkName, metadata.MapAttributePressedResource[m.Attributes["resource"]])
	},
	"host.utilization": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHostUtilizationDataPoint(at, m.Value, checkName, metadata.MapAttributeUsedResource[m.Attributes["resource"]])
	},
	"http.certificate.expiry": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordHTTPCertificateExpiryDataPoint(at, m.Value, checkName)
	},
	"mcp.certificate.expiry": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpCertificateExpiryDataPoint(at, m.Value, checkName)
	},
	"mcp.contract.differences": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpContractDifferencesDataPoint(at, int64(m.Value), checkName, metadata.MapAttributeMcpContractChange[m.Attributes["mcp.contract.change"]])
	},
	"mcp.protocol.info": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpProtocolInfoDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"], metadata.MapAttributeMcpProtocolEra[m.Attributes["mcp.protocol.era"]])
	},
	"mcp.token.expiry": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpTokenExpiryDataPoint(at, m.Value, checkName)
	},
	"mcp.tools": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpToolsDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"])
	},
	"mcp.tools.definition_size": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpToolsDefinitionSizeDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"])
	},
	"mcp.tools.definition_tokens": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordMcpToolsDefinitionTokensDataPoint(at, int64(m.Value), checkName, m.Attributes["mcp.protocol.version"])
	},
	"redis.clients.connected": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClientsConnectedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.cluster.nodes": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClusterNodesDataPoint(at, int64(m.Value), checkName, metadata.MapAttributeNodeStatus[m.Attributes["status"]])
	},
	"redis.cluster.slots_uncovered": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClusterSlotsUncoveredDataPoint(at, int64(m.Value), checkName)
	},
	"redis.cluster.state": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisClusterStateDataPoint(at, int64(m.Value), checkName)
	},
	"redis.keys.evicted": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisKeysEvictedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.memory.used": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisMemoryUsedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.memory.utilization": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisMemoryUtilizationDataPoint(at, m.Value, checkName)
	},
	"redis.replicas.connected": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisReplicasConnectedDataPoint(at, int64(m.Value), checkName)
	},
	"redis.replication.link_up": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisReplicationLinkUpDataPoint(at, int64(m.Value), checkName)
	},
	"redis.sentinel.masters": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisSentinelMastersDataPoint(at, int64(m.Value), checkName, metadata.MapAttributeMasterStatus[m.Attributes["status"]])
	},
	"redis.sentinel.quorum_missing": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordRedisSentinelQuorumMissingDataPoint(at, int64(m.Value), checkName)
	},
	"tls.certificate.expiry": func(b *builder, at timestamp, checkName string, m check.Measurement) {
		b.RecordTLSCertificateExpiryDataPoint(at, m.Value, checkName)
	},
}
