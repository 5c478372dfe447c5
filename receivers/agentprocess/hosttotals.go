package agentprocess

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v4/common"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// hostTotals reads what the whole host takes.
type hostTotals struct {
	root   string
	booted func() time.Time // when its counters began
	failed func(ctx context.Context, what string, err error)
}

// context tells gopsutil where the host is.
func (h *hostTotals) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: filepath.Join(h.root, "proc"),
		common.HostSysEnvKey:  filepath.Join(h.root, "sys"),
		common.HostRunEnvKey:  filepath.Join(h.root, "run"),
		common.HostDevEnvKey:  filepath.Join(h.root, "dev"),
	})
}

func (h *hostTotals) record(ctx context.Context, m *metadata.MetricsBuilder, at pcommon.Timestamp) {
	ctx = h.context(ctx)
	if times, err := cpu.TimesWithContext(ctx, false); err == nil && len(times) == 1 {
		for mode, seconds := range map[metadata.AttributeCPUMode]float64{
			// The kernel counts guests in user and nice too.
			metadata.AttributeCPUModeUser: times[0].User, metadata.AttributeCPUModeNice: times[0].Nice,
			metadata.AttributeCPUModeSystem: times[0].System, metadata.AttributeCPUModeIdle: times[0].Idle,
			metadata.AttributeCPUModeIowait:    times[0].Iowait,
			metadata.AttributeCPUModeInterrupt: times[0].Irq + times[0].Softirq,
			metadata.AttributeCPUModeSteal:     times[0].Steal,
		} {
			m.RecordSystemCPUTimeDataPoint(at, seconds, mode)
		}
	} else {
		h.failed(ctx, "cpu", err)
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.RecordSystemMemoryUsageDataPoint(at, int64(memory.Total-min(memory.Total, memory.Free+memory.Buffers+memory.Cached)), metadata.AttributeSystemMemoryStateUsed)
		m.RecordSystemMemoryUsageDataPoint(at, int64(memory.Free), metadata.AttributeSystemMemoryStateFree)
		m.RecordSystemMemoryUsageDataPoint(at, int64(memory.Cached), metadata.AttributeSystemMemoryStateCached)
		m.RecordSystemMemoryUsageDataPoint(at, int64(memory.Buffers), metadata.AttributeSystemMemoryStateBuffers)
	} else {
		h.failed(ctx, "meminfo", err)
	}
	if mean, err := load.AvgWithContext(ctx); err == nil {
		m.RecordSystemCPULoadAverage1mDataPoint(at, mean.Load1)
		m.RecordSystemCPULoadAverage5mDataPoint(at, mean.Load5)
		m.RecordSystemCPULoadAverage15mDataPoint(at, mean.Load15)
	} else {
		h.failed(ctx, "loadavg", err)
	}
	h.disks(ctx, m, at)
	h.network(ctx, m, at)
}

// disks adds up what is a device and not a part of one, nor made of others.
func (h *hostTotals) disks(ctx context.Context, m *metadata.MetricsBuilder, at pcommon.Timestamp) {
	all, err := disk.IOCountersWithContext(ctx)
	if err != nil {
		h.failed(ctx, "diskstats", err)
		return
	}
	var read, written uint64
	for name, d := range all {
		if _, err := os.Stat(filepath.Join(h.root, "sys/block", name, "device")); err == nil {
			read += d.ReadBytes
			written += d.WriteBytes
		}
	}
	m.RecordSystemDiskIoDataPoint(at, int64(read), metadata.AttributeDiskIoDirectionRead)
	m.RecordSystemDiskIoDataPoint(at, int64(written), metadata.AttributeDiskIoDirectionWrite)
}

// network adds up the interfaces of the first process: those of this one may be a
// container's.
func (h *hostTotals) network(ctx context.Context, m *metadata.MetricsBuilder, at pcommon.Timestamp) {
	interfaces, err := net.IOCountersByFileWithContext(ctx, true, filepath.Join(h.root, "proc/1/net/dev"))
	if err != nil {
		interfaces, err = net.IOCountersByFileWithContext(ctx, true, filepath.Join(h.root, "proc/net/dev"))
	}
	if err != nil {
		h.failed(ctx, "net/dev", err)
		return
	}
	var received, sent uint64
	for _, i := range interfaces {
		if i.Name != "lo" {
			received += i.BytesRecv
			sent += i.BytesSent
		}
	}
	m.RecordSystemNetworkIoDataPoint(at, int64(received), metadata.AttributeNetworkIoDirectionReceive)
	m.RecordSystemNetworkIoDataPoint(at, int64(sent), metadata.AttributeNetworkIoDirectionTransmit)
}
