package agenthealth

import (
	"context"
	"errors"
	"fmt"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/system"
)

// SystemConfig judges the host. Thresholds are in percent; one of zero is off.
type SystemConfig struct {
	// RootPath is where the root of the host's file system is mounted.
	RootPath string `mapstructure:"root_path"`
	// DiskPath is a path on the file system to judge, as the host sees it.
	DiskPath string `mapstructure:"disk_path"`
	// MaxCPU, MaxMemory and MaxDisk are what may be used before the state is
	// degraded.
	MaxCPU    float64 `mapstructure:"max_cpu"`
	MaxMemory float64 `mapstructure:"max_memory"`
	MaxDisk   float64 `mapstructure:"max_disk"`
	// CriticalMemory and CriticalDisk are what may be used before the state is
	// unhealthy.
	CriticalMemory float64 `mapstructure:"critical_memory"`
	CriticalDisk   float64 `mapstructure:"critical_disk"`
	// MaxLoad is how many processes a processor may have, running or waiting, on
	// average over five minutes, before the state is degraded. It is no percentage.
	MaxLoad float64 `mapstructure:"max_load"`
	// MaxOpenFiles is how much of the limit of open files may be used before the
	// state is degraded.
	MaxOpenFiles float64 `mapstructure:"max_open_files"`
	// MaxCPUPressure, MaxMemoryPressure and MaxIOPressure are the share of the last
	// ten seconds in which some process had to wait before the state is degraded.
	MaxCPUPressure    float64 `mapstructure:"max_cpu_pressure"`
	MaxMemoryPressure float64 `mapstructure:"max_memory_pressure"`
	MaxIOPressure     float64 `mapstructure:"max_io_pressure"`
}

func defaultSystemConfig() SystemConfig { return SystemConfig(system.DefaultSettings()) }

// Validate checks the whole block.
func (c *SystemConfig) Validate() error {
	errs := []error{absolute("root_path", c.RootPath), absolute("disk_path", c.DiskPath)}
	for _, threshold := range []struct {
		key   string
		value float64
	}{
		{"max_cpu", c.MaxCPU}, {"max_memory", c.MaxMemory}, {"max_disk", c.MaxDisk},
		{"critical_memory", c.CriticalMemory}, {"critical_disk", c.CriticalDisk},
		{"max_open_files", c.MaxOpenFiles}, {"max_cpu_pressure", c.MaxCPUPressure},
		{"max_memory_pressure", c.MaxMemoryPressure}, {"max_io_pressure", c.MaxIOPressure},
	} {
		if !(threshold.value >= 0 && threshold.value <= 100) {
			errs = append(errs, fmt.Errorf("%s: must be a percentage from 0 to 100, got %v", threshold.key, threshold.value))
		}
	}
	return errors.Join(append(errs, notNegative("max_load", c.MaxLoad))...)
}

func (c *SystemConfig) probe(context.Context, surroundings) (check.Probe, error) {
	return system.New(system.Settings(*c))
}

func (*SystemConfig) target() string { return "" }

func (c *SystemConfig) limits() []check.Limit {
	limit := func(resource string, percent float64) check.Limit {
		if percent == 0 {
			percent = 100
		}
		return check.Limit{Measurement: "host.utilization", Attributes: map[string]string{"resource": resource}, Value: percent / 100}
	}
	return []check.Limit{limit("memory", c.CriticalMemory), limit("disk", c.CriticalDisk), limit("open_files", 0)}
}
