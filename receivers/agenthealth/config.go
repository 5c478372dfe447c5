package agenthealth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

const (
	// maxName bounds the name of a check in bytes: it is on every series.
	maxName = 128
	// minInterval keeps a slip of the pen from hammering the target.
	minInterval = 100 * time.Millisecond
	// minHistory is what it takes to see flapping; maxHistory is 1.6 MB a check.
	minHistory, maxHistory = 20, 100_000
)

// Config is the configuration of the receiver.
type Config struct {
	metadata.MetricsBuilderConfig `mapstructure:",squash"`
	// Events turns kinds of events off.
	Events metadata.EventsConfig `mapstructure:"events"`

	// CollectionInterval is the time from one run of a check to the next, unless
	// the check says otherwise, and the time between two batches of metrics. At
	// least 100ms.
	CollectionInterval time.Duration `mapstructure:"collection_interval"`
	// MaxConcurrentChecks is how many checks may be under way at once, at least
	// one. With too few, slow targets make the others late, although checks that
	// have shown to be slow get half of them at most.
	MaxConcurrentChecks int `mapstructure:"max_concurrent_checks"`
	// MaxConcurrentPerHost is how many checks may ask one host at once; 0 is no such
	// bound.
	MaxConcurrentPerHost int `mapstructure:"max_concurrent_per_host"`
	// HistorySize is how many runs of each check are remembered, from 20 to 100000.
	HistorySize int `mapstructure:"history_size"`
	// Storage names an extension that keeps states, histories and what the forecasts
	// have learnt across restarts. Without it everything starts anew.
	Storage *component.ID `mapstructure:"storage"`
	// AllowExec lets checks start programs on this host.
	AllowExec bool `mapstructure:"allow_exec"`
	// HeartbeatServer is where agents send heartbeats. It is not started unless a
	// check waits for them.
	HeartbeatServer confighttp.ServerConfig `mapstructure:"heartbeat_server"`
	// Checks holds the checks by name.
	Checks map[string]CheckConfig `mapstructure:"checks"`
}

// CheckConfig is one check: when it runs, and exactly one block that says what
// it asks.
type CheckConfig struct {
	// Critical marks what nothing works without. It is an attribute of the metrics
	// and raises the severity of events.
	Critical bool `mapstructure:"critical"`
	// Timeout bounds one run, above zero.
	Timeout time.Duration `mapstructure:"timeout"`
	// Interval is the time from one run to the next; zero means the receiver's
	// collection_interval. At least 100ms otherwise.
	Interval time.Duration `mapstructure:"interval"`

	// FailuresToUnhealthy is how many runs in a row must fail before the state is
	// unhealthy, and SuccessesToHealthy how many must be better than the state
	// before it improves. At least 1.
	FailuresToUnhealthy int `mapstructure:"failures_to_unhealthy"`
	SuccessesToHealthy  int `mapstructure:"successes_to_healthy"`
	// DependsOn names checks without which this one cannot succeed. While one of
	// them is unhealthy, the state is unknown; the check runs all the same.
	DependsOn []string `mapstructure:"depends_on"`
	// AllowLinkLocal lets the check dial link-local addresses and the others at
	// which clouds hand out credentials.
	AllowLinkLocal bool `mapstructure:"allow_link_local"`

	A2A       configoptional.Optional[A2AConfig]       `mapstructure:"a2a"`
	GRPC      configoptional.Optional[GRPCConfig]      `mapstructure:"grpc"`
	Heartbeat configoptional.Optional[HeartbeatConfig] `mapstructure:"heartbeat"`
	HTTP      configoptional.Optional[HTTPConfig]      `mapstructure:"http"`
	MCP       configoptional.Optional[MCPConfig]       `mapstructure:"mcp"`
	Postgres  configoptional.Optional[PostgresConfig]  `mapstructure:"postgres"`
	Redis     configoptional.Optional[RedisConfig]     `mapstructure:"redis"`
	System    configoptional.Optional[SystemConfig]    `mapstructure:"system"`
	TCP       configoptional.Optional[TCPConfig]       `mapstructure:"tcp"`
}

var (
	_ component.Config    = (*Config)(nil)
	_ confmap.Validator   = (*Config)(nil)
	_ confmap.Unmarshaler = (*CheckConfig)(nil)
	_ confmap.Validator   = (*CheckConfig)(nil)
)

// Unmarshal sets the defaults of a check first: the map that holds the checks
// knows none.
func (c *CheckConfig) Unmarshal(conf *confmap.Conf) error {
	*c = CheckConfig{
		Timeout:             5 * time.Second,
		FailuresToUnhealthy: 1,
		SuccessesToHealthy:  1,
		A2A:                 configoptional.Default(defaultA2AConfig()),
		GRPC:                configoptional.Default(defaultGRPCConfig()),
		Heartbeat:           configoptional.Default(defaultHeartbeatConfig()),
		HTTP:                configoptional.Default(defaultHTTPConfig()),
		MCP:                 configoptional.Default(defaultMCPConfig()),
		Postgres:            configoptional.Default(defaultPostgresConfig()),
		Redis:               configoptional.Default(defaultRedisConfig()),
		System:              configoptional.Default(defaultSystemConfig()),
		TCP:                 configoptional.Default(defaultTCPConfig()),
	}
	return conf.Unmarshal(c)
}

// Validate checks what concerns all checks.
func (c *Config) Validate() error {
	var errs []error
	if c.CollectionInterval < minInterval {
		errs = append(errs, fmt.Errorf("collection_interval: must be at least %s, got %s", minInterval, c.CollectionInterval))
	}
	if c.MaxConcurrentChecks < 1 {
		errs = append(errs, fmt.Errorf("max_concurrent_checks: must be at least 1, got %d", c.MaxConcurrentChecks))
	}
	if err := notNegative("max_concurrent_per_host", c.MaxConcurrentPerHost); err != nil {
		errs = append(errs, err)
	}
	if c.HistorySize < minHistory || c.HistorySize > maxHistory {
		errs = append(errs, fmt.Errorf("history_size: must be from %d to %d, got %d", minHistory, maxHistory, c.HistorySize))
	}
	if len(c.Checks) == 0 {
		errs = append(errs, errors.New("checks: there must be at least one"))
	}
	dependsOn := make(map[string][]string, len(c.Checks))
	for _, name := range c.names() {
		if err := validateName(name); err != nil {
			errs = append(errs, fmt.Errorf("checks: the name %.*q %w", maxName, name, err))
		}
		if one := c.Checks[name]; !c.AllowExec && one.MCP.HasValue() && len(one.MCP.Get().Command) > 0 {
			errs = append(errs, fmt.Errorf("checks::%s::mcp: command: starts a program, which needs allow_exec: true in the receiver", name))
		}
		dependsOn[name] = c.Checks[name].DependsOn
	}
	if err := check.ValidateDependencies(dependsOn); err != nil {
		errs = append(errs, fmt.Errorf("checks: depends_on: %w", err))
	}
	return errors.Join(errs...)
}

// Validate checks what concerns one check; its block validates itself.
func (c *CheckConfig) Validate() error {
	var errs []error
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout: must be above zero, got %s", c.Timeout))
	}
	if c.Interval != 0 && c.Interval < minInterval {
		errs = append(errs, fmt.Errorf("interval: must be at least %s, or 0 for the receiver's collection_interval, got %s", minInterval, c.Interval))
	}
	errs = append(errs, positive("failures_to_unhealthy", c.FailuresToUnhealthy), positive("successes_to_healthy", c.SuccessesToHealthy))
	var all, set []string
	for _, b := range c.blocks() {
		all = append(all, b.key)
		if b.prober != nil {
			set = append(set, b.key)
		}
	}
	if len(set) != 1 {
		got := "none"
		if len(set) > 0 {
			got = strings.Join(set, " and ")
		}
		errs = append(errs, fmt.Errorf("exactly one of %s must be set, got %s", strings.Join(all, ", "), got))
	}
	return errors.Join(errs...)
}

func validateName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case len(name) > maxName:
		return fmt.Errorf("is longer than %d bytes", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("holds a character that cannot be printed")
	}
	return nil
}

// names returns the names of the checks in order: the order of a map never
// decides anything.
func (c *Config) names() []string {
	names := make([]string, 0, len(c.Checks))
	for name := range c.Checks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
