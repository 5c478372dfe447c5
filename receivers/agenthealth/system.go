package agenthealth

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"

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
	} {
		if !(threshold.value >= 0 && threshold.value <= 100) {
			errs = append(errs, fmt.Errorf("%s: must be a percentage from 0 to 100, got %v", threshold.key, threshold.value))
		}
	}
	return errors.Join(errs...)
}

func (c *SystemConfig) probe(context.Context, component.Host) (check.Probe, error) {
	return system.New(system.Settings(*c))
}
