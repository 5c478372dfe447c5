package agentprocess

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

func TestTotalsOfTheHost(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Write("proc/stat", "cpu  100 200 300 400 500 50 75 80 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nbtime 1700000000\n")
	tree.Write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 300 kB\nMemAvailable: 600 kB\nBuffers: 100 kB\nCached: 200 kB\n")
	tree.Write("proc/loadavg", "0.50 1.25 2.00 1/234 5678\n")
	tree.Write("proc/diskstats", "   8       0 sda 1 0 10 0 1 0 20 0 0 0 0\n   8       1 sda1 1 0 10 0 1 0 20 0 0 0 0\n 253       0 dm-0 1 0 10 0 1 0 20 0 0 0 0\n")
	tree.Write("sys/block/dm-0/size", "1")
	tree.Write("sys/block/sda/device/model", "disk")
	tree.Write("proc/1/net/dev", "Inter-|   Receive                                                |  Transmit\n"+
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"+
		"    lo: 77 1 0 0 0 0 0 0 77 1 0 0 0 0 0 0\n  eth0: 1000 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n  eth1: 10 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n")
	cfg := config(tree.Root)
	cfg.Host = true
	metrics := scrape(t, start(t, cfg, nil))
	got := map[string]float64{}
	for _, m := range metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		var points pmetric.NumberDataPointSlice
		if m.Type() == pmetric.MetricTypeSum {
			points = m.Sum().DataPoints()
			if m.Sum().IsMonotonic() {
				require.Equal(t, int64(1700000000), points.At(0).StartTimestamp().AsTime().Unix())
			}
		} else {
			points = m.Gauge().DataPoints()
		}
		for _, p := range points.All() {
			key := m.Name()
			for _, name := range []string{"cpu.mode", "system.memory.state", "disk.io.direction", "network.io.direction"} {
				if value, ok := p.Attributes().Get(name); ok {
					key += "/" + value.Str()
				}
			}
			got[key] = p.DoubleValue() + float64(p.IntValue())
		}
	}
	delete(got, "agent.system.info")
	require.Equal(t, map[string]float64{
		"system.cpu.time/user": 1, "system.cpu.time/nice": 2, "system.cpu.time/system": 3, "system.cpu.time/idle": 4,
		"system.cpu.time/iowait": 5, "system.cpu.time/interrupt": 1.25, "system.cpu.time/steal": 0.8,
		"system.memory.usage/used": 400 << 10, "system.memory.usage/free": 300 << 10,
		"system.memory.usage/cached": 200 << 10, "system.memory.usage/buffers": 100 << 10,
		"system.cpu.load_average.1m": 0.5, "system.cpu.load_average.5m": 1.25, "system.cpu.load_average.15m": 2,
		"system.disk.io/read": 5120, "system.disk.io/write": 10240,
		"system.network.io/receive": 1010, "system.network.io/transmit": 202,
	}, got)
}

func TestTotalsThatCannotBeReadAreToldOnce(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Write("proc/diskstats", "")
	require.NoError(t, os.Remove(tree.Path("proc/diskstats")))
	cfg := config(tree.Root)
	cfg.Host = true
	s := start(t, cfg, nil)
	logs := observe(s)
	scrape(t, s)
	first := logs.Len()
	require.Positive(t, first)
	scrape(t, s)
	require.Equal(t, first, logs.Len())
}
