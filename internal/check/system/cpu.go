package system

import (
	"context"
	"errors"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
)

// firstSample is how long the first run waits between two readings, because the
// kernel only counts.
const firstSample = 200 * time.Millisecond

// cpuUsage turns the kernel's counters into the share of time in between that all
// processors together were busy.
type cpuUsage struct {
	last *cpuTimes
}

// cpuTimes are seconds since the host started.
type cpuTimes struct{ busy, total float64 }

// percent returns the use since the last call, 0 to 100. Where there was none, or
// the counters went backwards or stood still, it takes a sample first.
func (c *cpuUsage) percent(ctx context.Context) (float64, error) {
	now, err := readCPU(ctx)
	if err != nil {
		return 0, err
	}
	if c.last == nil || now.total <= c.last.total {
		first := now
		c.last = &first
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(firstSample):
		}
		if now, err = readCPU(ctx); err != nil {
			return 0, err
		}
	}
	last := *c.last
	c.last = &now
	if now.total <= last.total {
		return 0, errors.New("the processor times do not advance")
	}
	return min(max(100*(now.busy-last.busy)/(now.total-last.total), 0), 100), nil
}

func readCPU(ctx context.Context) (cpuTimes, error) {
	all, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return cpuTimes{}, err
	}
	if len(all) != 1 {
		return cpuTimes{}, errors.New("no processor times")
	}
	t := all[0]
	// Guest time is part of user time already (proc(5), /proc/stat).
	busy := t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	return cpuTimes{busy: busy, total: busy + t.Idle + t.Iowait}, nil
}
