package e2e

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWithoutArgumentsTheQuickstartRunsAndSaysSo(t *testing.T) {
	w := startWatchkeeper(t, nil, map[string]string{"WATCHKEEPER_INTERVAL": "1s"})
	require.Contains(t, w.log(t), "BUILT-IN QUICKSTART")
	require.Contains(t, w.log(t), "curl http://"+w.metrics+"/metrics")
	requireQuickstart(t, w)
}

func TestTheShippedQuickstartIsTheBuiltInOne(t *testing.T) {
	w := startWatchkeeper(t, shipped(t, "quickstart.yaml"), map[string]string{"WATCHKEEPER_INTERVAL": "1s"})
	require.NotContains(t, w.log(t), "QUICKSTART")
	requireQuickstart(t, w)
}

func requireQuickstart(t *testing.T, w *watchkeeper) {
	t.Helper()
	for _, want := range []string{
		`agent_health_status{`, `check_name="system_resources"`, "agent_system_info{",
		`process_cpu_usage_percent{`, `process_group="watchkeeper"`, "system_memory_usage_bytes{",
		"system_filesystem_usage_bytes{", "anomaly_score{", "anomaly_state{",
	} {
		require.Eventually(t, func() bool {
			text, err := w.scrape(t.Context())
			return err == nil && strings.Contains(text, want)
		}, 30*time.Second, 100*time.Millisecond, want)
	}
	require.NotContains(t, w.log(t), "\terror\t")
	requireLoopbackOnly(t, w.Pid())
}

// requireLoopbackOnly looks at the kernel's table for what the process listens on.
func requireLoopbackOnly(t *testing.T, pid int) {
	t.Helper()
	own := socketsOf(t, pid)
	listening := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || fields[3] != "0A" || !own[fields[9]] {
				continue
			}
			listening++
			ip := addressOf(t, fields[1])
			require.True(t, ip.IsLoopback(), "listens on %s", ip)
		}
	}
	require.GreaterOrEqual(t, listening, 5, "OTLP twice, metrics, health, own telemetry")
}

func socketsOf(t *testing.T, pid int) map[string]bool {
	t.Helper()
	links, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "fd", "*"))
	require.NoError(t, err)
	own := make(map[string]bool)
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil {
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				own[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	return own
}

// addressOf decodes the kernel's "0100007F:1F90": words in the order of the
// machine, which is little-endian here.
func addressOf(t *testing.T, text string) net.IP {
	t.Helper()
	hexadecimal, _, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(hexadecimal)
	require.NoError(t, err)
	ip := make(net.IP, len(raw))
	for i := range raw {
		ip[i] = raw[i/4*4+3-i%4]
	}
	return ip
}
