// Package system judges the host: how busy its processors are, and how full its
// memory and its disk.
package system

import (
	"context"
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
}

// DefaultSettings returns thresholds of 90 percent, and critical ones of 98.
func DefaultSettings() Settings {
	return Settings{
		RootPath: "/", DiskPath: "/",
		MaxCPU: 90, MaxMemory: 90, MaxDisk: 90,
		CriticalMemory: 98, CriticalDisk: 98,
	}
}

// Probe is a check.Probe for the host. It remembers the processor times of its
// last run.
type Probe struct {
	settings Settings
	env      common.EnvMap
	cpu      cpuUsage
	disk     diskUsage
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
	} {
		if !(t.value >= 0 && t.value <= 100) {
			return nil, fmt.Errorf("%s threshold %v: want a percentage, 0 to 100", t.name, t.value)
		}
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
	}, nil
}

// Run reads the use of processors since the last run (in the first run: within a
// fifth of a second), of memory, and of the disk. Its steps are cpu, memory and
// disk. What cannot be read is an error: it says nothing of the host.
func (p *Probe) Run(ctx context.Context) (check.Result, error) {
	ctx = context.WithValue(ctx, common.EnvKey, p.env)
	s := p.settings
	r := check.Result{State: check.Healthy}
	var reasons []string
	for _, part := range []struct {
		name          string
		read          func(context.Context) (float64, error)
		max, critical float64
	}{
		{"cpu", p.cpu.percent, s.MaxCPU, 0},
		{"memory", memoryPercent, s.MaxMemory, s.CriticalMemory},
		{"disk", p.disk.percent, s.MaxDisk, s.CriticalDisk},
	} {
		start := time.Now()
		used, err := part.read(ctx)
		r.Steps = append(r.Steps, check.Step{Name: part.name, Duration: time.Since(start)})
		if err != nil {
			return check.Result{Steps: r.Steps}, fmt.Errorf("reading the use of %s: %w", part.name, err)
		}
		switch {
		case part.critical > 0 && used > part.critical:
			r.State = check.Unhealthy
			reasons = append(reasons, fmt.Sprintf("%s is used to %.1f %%, more than %v %%", part.name, used, part.critical))
		case part.max > 0 && used > part.max:
			r.State = max(r.State, check.Degraded)
			reasons = append(reasons, fmt.Sprintf("%s is used to %.1f %%, more than %v %%", part.name, used, part.max))
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
