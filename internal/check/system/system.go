// Package system judges the host: how busy its processors are, how full its
// memory, its disk and its table of open files, and how much has to wait for them.
//
// Measurements, gauges all:
//
//	name              unit       attributes                               description
//	host.load         {process}                                           Processes a processor that ran or waited, on average over five minutes.
//	host.pressure     1          resource: cpu, memory, io                Share of the last ten seconds in which some process waited for the resource.
//	host.utilization  1          resource: cpu, memory, disk, open_files  Share of the resource that is used.
package system

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/common"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// Settings says where to look and, in percent of what there is, how much is too
// much. A threshold of zero is off.
type Settings struct {
	// RootPath is where the root of the host's file system is mounted; empty means
	// "/". /proc, /sys and the rest are read below it.
	RootPath string
	// DiskPath is a path on the file system to judge, as the host sees it; empty
	// means "/".
	DiskPath string
	// MaxCPU, MaxMemory and MaxDisk are what may be used, 0 to 100, before the
	// verdict is Degraded.
	MaxCPU    float64
	MaxMemory float64
	MaxDisk   float64
	// CriticalMemory and CriticalDisk are what may be used, 0 to 100, before the
	// verdict is Unhealthy. There is none for processors: a host that is busy
	// works, later; one without memory or disk does not.
	CriticalMemory float64
	CriticalDisk   float64
	// MaxLoad is how many processes a processor may have, running or waiting for it
	// or for a disk, on average over five minutes, before the verdict is Degraded.
	// It is no percentage.
	MaxLoad float64
	// MaxOpenFiles is how much of the host's limit of open files may be used, 0 to
	// 100, before the verdict is Degraded.
	MaxOpenFiles float64
	// MaxCPUPressure, MaxMemoryPressure and MaxIOPressure are the share of the last
	// ten seconds, 0 to 100, in which some process had to wait for a processor, for
	// memory or for a disk, before the verdict is Degraded. A kernel that does not
	// measure pressure passes.
	MaxCPUPressure    float64
	MaxMemoryPressure float64
	MaxIOPressure     float64
}

// DefaultSettings returns thresholds of 90 percent, and critical ones of 98. That
// something waits for a processor is the normal state of a busy host, so there is
// no threshold for it; that much waits for memory is not.
func DefaultSettings() Settings {
	return Settings{
		RootPath: "/", DiskPath: "/",
		MaxCPU: 90, MaxMemory: 90, MaxDisk: 90,
		CriticalMemory: 98, CriticalDisk: 98,
		MaxLoad: 8, MaxOpenFiles: 90,
		MaxMemoryPressure: 25, MaxIOPressure: 95,
	}
}

// Probe is a check.Probe for the host. It remembers the processor times of its
// last run.
type Probe struct {
	settings Settings
	env      common.EnvMap
	cpu      cpuUsage
	disk     diskUsage
	proc     procFolder
}

// New returns a probe. It fails when a threshold is not a percentage.
func New(s Settings) (*Probe, error) {
	for _, t := range []struct {
		name  string
		value float64
	}{
		{"cpu", s.MaxCPU},
		{"memory", s.MaxMemory},
		{"disk", s.MaxDisk},
		{"critical memory", s.CriticalMemory},
		{"critical disk", s.CriticalDisk},
		{"open files", s.MaxOpenFiles},
		{"cpu pressure", s.MaxCPUPressure},
		{"memory pressure", s.MaxMemoryPressure},
		{"io pressure", s.MaxIOPressure},
	} {
		if !(t.value >= 0 && t.value <= 100) {
			return nil, fmt.Errorf("%s threshold %v: want a percentage, 0 to 100", t.name, t.value)
		}
	}
	if !(s.MaxLoad >= 0) {
		return nil, fmt.Errorf("load threshold %v: want 0 or more", s.MaxLoad)
	}
	root := filepath.Join("/", s.RootPath)
	return &Probe{
		settings: s,
		env: common.EnvMap{
			common.HostRootEnvKey: root,
			common.HostProcEnvKey: filepath.Join(root, "proc"),
			common.HostSysEnvKey:  filepath.Join(root, "sys"),
			common.HostEtcEnvKey:  filepath.Join(root, "etc"),
			common.HostVarEnvKey:  filepath.Join(root, "var"),
			common.HostRunEnvKey:  filepath.Join(root, "run"),
			common.HostDevEnvKey:  filepath.Join(root, "dev"),
		},
		disk: diskUsage{path: filepath.Join(root, s.DiskPath)},
		proc: procFolder(filepath.Join(root, "proc")),
	}, nil
}

// part is one thing that a run reads and judges.
type part struct {
	name string
	// read returns a percentage, or errUnsupported.
	read          func(context.Context) (float64, error)
	max, critical float64
	// metric and resource name the measurement, which is divided by scale.
	metric, resource string
	scale            float64
	// reason takes the value and the threshold.
	reason string
}

const (
	isUsed  = " is used to %.1f %%, more than %v %%"
	waited  = " was waited for %.1f %% of the last ten seconds, more than %v %%"
	percent = 100
)

func (p *Probe) parts() []part {
	s := p.settings
	return []part{
		{"cpu", p.cpu.percent, s.MaxCPU, 0, "host.utilization", "cpu", percent, "cpu" + isUsed},
		{"memory", memoryPercent, s.MaxMemory, s.CriticalMemory, "host.utilization", "memory", percent, "memory" + isUsed},
		{"disk", p.disk.percent, s.MaxDisk, s.CriticalDisk, "host.utilization", "disk", percent, "disk" + isUsed},
		{"load", p.proc.load, s.MaxLoad, 0, "host.load", "", 1, "the load is %.1f a processor, more than %v"},
		{"open_files", p.proc.openFiles, s.MaxOpenFiles, 0, "host.utilization", "open_files", percent, "the table of open files" + isUsed},
		{"cpu_pressure", p.proc.pressure("cpu"), s.MaxCPUPressure, 0, "host.pressure", "cpu", percent, "cpu" + waited},
		{"memory_pressure", p.proc.pressure("memory"), s.MaxMemoryPressure, 0, "host.pressure", "memory", percent, "memory" + waited},
		{"io_pressure", p.proc.pressure("io"), s.MaxIOPressure, 0, "host.pressure", "io", percent, "disk" + waited},
	}
}

// Run reads the use of processors since the last run (in the first run: within a
// fifth of a second), of memory, of the disk, of open files, the load, and the
// pressure on all of these. Its steps are cpu, memory, disk, load, open_files,
// cpu_pressure, memory_pressure and io_pressure. What cannot be read is an error:
// it says nothing of the host. What the kernel does not measure is left out.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	ctx = context.WithValue(ctx, common.EnvKey, p.env)
	r := check.Result{State: check.Healthy}
	var reasons []string
	for _, part := range p.parts() {
		start := time.Now()
		value, err := part.read(ctx)
		if errors.Is(err, errUnsupported) {
			continue
		}
		r.Steps = append(r.Steps, check.Step{Name: part.name, Duration: time.Since(start)})
		if err != nil {
			return check.Result{Steps: r.Steps}, fmt.Errorf("reading the use of %s: %w", part.name, err)
		}
		m := check.Measurement{Name: part.metric, Value: value / part.scale}
		if part.resource != "" {
			m.Attributes = map[string]string{"resource": part.resource}
		}
		r.Measurements = append(r.Measurements, m)
		switch {
		case part.critical > 0 && value > part.critical:
			r.State = check.Unhealthy
			reasons = append(reasons, fmt.Sprintf(part.reason, value, part.critical))
		case part.max > 0 && value > part.max:
			r.State = max(r.State, check.Degraded)
			reasons = append(reasons, fmt.Sprintf(part.reason, value, part.max))
		}
	}
	if len(reasons) > 0 {
		r.ErrorType, r.Reason = check.Assertion, strings.Join(reasons, "; ")
	}
	return r, nil
}

// memoryPercent counts as used what a new process could not get.
func memoryPercent(ctx context.Context) (float64, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return 0, err
	}
	if m.Total == 0 || m.Available > m.Total {
		return 0, fmt.Errorf("of %d bytes, %d are available", m.Total, m.Available)
	}
	return 100 * float64(m.Total-m.Available) / float64(m.Total), nil
}
