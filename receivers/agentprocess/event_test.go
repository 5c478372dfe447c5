package agentprocess

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

func newTestWriter() *writer {
	builder := metadata.NewLogsBuilder(metadata.LogsBuilderConfig{
		Events: metadata.DefaultEventsConfig(), ResourceAttributes: metadata.NewDefaultMetricsBuilderConfig().ResourceAttributes,
	}, receivertest.NewNopSettings(metadata.Type))
	resource := builder.NewResourceBuilder()
	resource.SetHostName("node-1")
	return &writer{builder, resource.Emit()}
}

func TestEvents(t *testing.T) {
	started := time.Unix(1_700_000_000, 250_000_000).UTC()
	at := started.Add(90 * time.Second)
	who := subject{
		id:    proctable.ID{PID: 7, Start: 25},
		image: &proctable.Image{Comm: "no\nde", CommandLine: "node mcp-files --token=abc " + strings.Repeat("é", 1000)},
		group: "files", role: metadata.AttributeAgentRoleMcpServer, started: started,
	}
	line := "node mcp-files --token=*** " + strings.Repeat("é", (1024-27)/2)
	for name, test := range map[string]struct {
		event    event
		event2   string
		severity plog.SeverityNumber
		body     string
		more     map[string]any
	}{
		"ended": {
			event{what: exited, exit: proctable.Exit{Known: true}}, "agent.process.exited", plog.SeverityNumberInfo,
			`Process 7 (no_de) of "files" ended with code 0.`, map[string]any{"process.exit.code": int64(0)},
		},
		"failed": {
			event{what: exited, exit: proctable.Exit{Known: true, Code: 3}}, "agent.process.exited", plog.SeverityNumberWarn,
			`Process 7 (no_de) of "files" ended with code 3.`, map[string]any{"process.exit.code": int64(3)},
		},
		"killed": {
			event{what: exited, exit: proctable.Exit{Known: true, Signal: syscall.SIGKILL}}, "agent.process.exited", plog.SeverityNumberWarn,
			`Process 7 (no_de) of "files" was ended by SIGKILL.`, map[string]any{"process.exit.signal": "SIGKILL"},
		},
		"ended somehow": {
			event{what: exited, exit: proctable.Exit{Code: 3}}, "agent.process.exited", plog.SeverityNumberInfo,
			`Process 7 (no_de) of "files" ended.`, nil,
		},
		"out of memory": {
			event{what: oomKilled}, "agent.process.oom_killed", plog.SeverityNumberError,
			`Process 7 (no_de) of "files" was killed by the kernel because memory ran out.`, nil,
		},
		"orphaned": {
			event{what: orphaned, size: 1, memory: 5 << 20}, "agent.process.orphaned", plog.SeverityNumberWarn,
			`Process 7 (no_de) of "files" was left behind by its agent, with 5 MiB of memory.`,
			map[string]any{"process.tree.size": int64(1), "process.tree.memory": int64(5 << 20)},
		},
		"orphaned tree": {
			event{what: orphaned, size: 3, memory: 5 << 20}, "agent.process.orphaned", plog.SeverityNumberWarn,
			`Process 7 (no_de) of "files" was left behind by its agent, with 2 more below it and 5 MiB of memory in all.`,
			map[string]any{"process.tree.size": int64(3), "process.tree.memory": int64(5 << 20)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.event.at, test.event.subject = at, who
			logs := newTestWriter().logs(test.event)
			require.Equal(t, 1, logs.LogRecordCount())
			resource := logs.ResourceLogs().At(0)
			require.Equal(t, map[string]any{"host.name": "node-1"}, resource.Resource().Attributes().AsRaw())
			record := resource.ScopeLogs().At(0).LogRecords().At(0)
			require.Equal(t, test.event2, record.EventName())
			require.Equal(t, test.severity, record.SeverityNumber())
			require.Equal(t, strings.ToUpper(test.severity.String()), record.SeverityText())
			require.Equal(t, at, record.Timestamp().AsTime())
			require.Equal(t, at, record.ObservedTimestamp().AsTime())
			require.Equal(t, test.body, record.Body().Str())
			want := map[string]any{
				"process.group": "files", "agent.role": "mcp_server", "process.pid": int64(7),
				"process.creation.time": "2023-11-14T22:13:20.25Z", "process.command_line": line, "process.lifetime": 90.0,
			}
			for key, value := range test.more {
				want[key] = value
			}
			require.Equal(t, want, record.Attributes().AsRaw())
		})
	}
}
