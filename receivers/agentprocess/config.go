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

	// RootPath is where the host's root directory is. In a container it is the
	// directory that the host's root is mounted to; the receiver reads proc and
	// etc/passwd below it.
	RootPath string `mapstructure:"root_path"`
	// Groups are tried in order: a process belongs to the first one that it
	// matches. One that matches none is not reported.
	Groups []Group `mapstructure:"groups"`
	// MaxGroups is the number of groups above which the configuration is refused.
	// Each group makes seven series or more.
	MaxGroups int `mapstructure:"max_groups"`
	// PSSBudget is the time that a collection may spend on reading proportional
	// memory, smallest processes first. Those for which no time is left count with
	// their resident memory; 0 makes that all of them.
	PSSBudget time.Duration `mapstructure:"pss_budget"`
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
