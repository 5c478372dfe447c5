package agentprocess

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// Config is the configuration of the agent_process receiver.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	metadata.MetricsBuilderConfig  `mapstructure:",squash"`
	// Events switches kinds of events off.
	Events metadata.EventsConfig `mapstructure:"events"`

	// RootPath is where the host's root directory is. In a container it is the
	// directory that the host's root is mounted to; the receiver reads proc and
	// etc/passwd below it.
	RootPath string `mapstructure:"root_path"`
	// Groups are tried in order: a process belongs to the first one that it
	// matches. One that matches none is not reported, unless an agent started it.
	Groups []Group `mapstructure:"groups"`
	// BuiltinGroups adds, after the others, groups for well-known agents and MCP
	// servers.
	BuiltinGroups bool `mapstructure:"builtin_groups"`
	// MaxGroups is how many groups there may be, counting each role of a name.
	// Processes that would make another are in groups named _overflow.
	MaxGroups int `mapstructure:"max_groups"`
	// MaxProcesses is of how many processes it is remembered which agent they
	// belong to.
	MaxProcesses int `mapstructure:"max_processes"`
	// Linger is how long a group without processes goes on reporting zeros.
	Linger time.Duration `mapstructure:"linger"`
	// OrphanAfter is how long a process must have been without its agent to be an
	// orphan.
	OrphanAfter time.Duration `mapstructure:"orphan_after"`
	// Top is how many processes are reported one by one, for each of processor time,
	// memory and disks.
	Top int `mapstructure:"top"`
	// Host adds totals of the host, which host_metrics has in more detail.
	Host bool `mapstructure:"host"`
	// PSSInterval is the time between two readings, of the same process, of what is
	// dear: proportional memory, context switches, the limit of open files.
	PSSInterval time.Duration `mapstructure:"pss_interval"`
	// PSSBudget is the time that a collection may spend on reading proportional
	// memory, smallest processes first. Those for which no time is left count with
	// their resident memory; 0 makes that all of them.
	PSSBudget time.Duration `mapstructure:"pss_budget"`
	// KeptDescriptors is how many files below /proc may stay open, which makes
	// reading them cheaper.
	KeptDescriptors int `mapstructure:"kept_descriptors"`
	// Service is what agent.system.info says.
	Service Service `mapstructure:"service"`
}

// Service says what runs on this host.
type Service struct {
	Name string `mapstructure:"name"`
	// Version is that of this collector when empty.
	Version     string `mapstructure:"version"`
	Environment string `mapstructure:"environment"`
	Zone        string `mapstructure:"zone"`
}

// maxTop bounds Top: who is interested in more wants another tool.
const maxTop = 100

// Validate checks what concerns more than one group or none.
func (c *Config) Validate() error {
	var errs []error
	if !filepath.IsAbs(c.RootPath) {
		errs = append(errs, fmt.Errorf("root_path: must be an absolute path, is %q", c.RootPath))
	}
	if c.PSSBudget < 0 || c.PSSBudget > c.CollectionInterval {
		errs = append(errs, fmt.Errorf("pss_budget: must be between 0 and collection_interval (%v), is %v", c.CollectionInterval, c.PSSBudget))
	}
	if c.MaxGroups < 1 {
		errs = append(errs, fmt.Errorf("max_groups: must be at least 1, is %d", c.MaxGroups))
	} else if len(c.Groups) > c.MaxGroups {
		errs = append(errs, fmt.Errorf("groups: must be at most max_groups (%d), are %d", c.MaxGroups, len(c.Groups)))
	}
	if c.MaxProcesses < 1 {
		errs = append(errs, fmt.Errorf("max_processes: must be at least 1, is %d", c.MaxProcesses))
	}
	if c.Linger < 0 {
		errs = append(errs, fmt.Errorf("linger: must not be negative, is %v", c.Linger))
	}
	if c.OrphanAfter < 0 {
		errs = append(errs, fmt.Errorf("orphan_after: must not be negative, is %v", c.OrphanAfter))
	}
	if c.Top < 0 || c.Top > maxTop {
		errs = append(errs, fmt.Errorf("top: must be between 0 and %d, is %d", maxTop, c.Top))
	}
	if c.PSSInterval < 0 {
		errs = append(errs, fmt.Errorf("pss_interval: must not be negative, is %v", c.PSSInterval))
	}
	if c.KeptDescriptors < 0 {
		errs = append(errs, fmt.Errorf("kept_descriptors: must not be negative, is %d", c.KeptDescriptors))
	}
	if c.Service.Name == "" {
		errs = append(errs, errors.New("service::name: must not be empty"))
	}
	first := map[string]int{}
	for i, g := range c.Groups {
		if j, taken := first[g.Name]; taken {
			errs = append(errs, fmt.Errorf("groups::%d::name: must be unique, %q is the name of groups::%d", i, g.Name, j))
		} else {
			first[g.Name] = i
		}
	}
	return errors.Join(errs...)
}
