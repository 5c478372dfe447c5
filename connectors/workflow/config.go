package workflow

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
	"github.com/watchkeeper/watchkeeper/internal/tracelink"
)

// Config of the connector. Every bound is per instance, whatever number of outputs
// it has.
type Config struct {
	// MetricsInterval is how often every metric is sent, changed or not.
	MetricsInterval time.Duration `mapstructure:"metrics_interval"`
	// MaxSeries bounds the sets of label values that each metric tells apart. What
	// comes later is counted in one point with the label otel.metric.overflow.
	MaxSeries int `mapstructure:"max_series"`
	// SeriesTTL ends a series that nothing was counted in for so long; 0 keeps it for
	// ever.
	SeriesTTL time.Duration `mapstructure:"series_ttl"`

	// MaxWorkflows bounds the traces that are remembered at once. Each takes about
	// a kilobyte and 150 bytes a span.
	MaxWorkflows int `mapstructure:"max_workflows"`
	// MaxSpans bounds the spans that are remembered of one workflow.
	MaxSpans int `mapstructure:"max_spans"`
	// Settle is how long after its latest span a call is counted, and a workflow ends
	// whose root has come. The spans of a call that come further apart count twice.
	Settle time.Duration `mapstructure:"settle"`
	// DetachedTimeout ends a workflow whose root has come and ended, but not what the
	// root says is above it, when no span came for so long.
	DetachedTimeout time.Duration `mapstructure:"detached_timeout"`
	// IdleTimeout ends a workflow whose root has not come when no span came for so
	// long.
	IdleTimeout time.Duration `mapstructure:"idle_timeout"`
	// MaxDuration ends a workflow so long after its first span.
	MaxDuration time.Duration `mapstructure:"max_duration"`
	// StallTimeout is how long a workflow may be silent until it is stalled; 0 turns
	// that off.
	StallTimeout time.Duration `mapstructure:"stall_timeout"`

	Loop    Loop    `mapstructure:"loop"`
	Runaway Runaway `mapstructure:"runaway"`
	Join    Join    `mapstructure:"join"`

	// KeepContent leaves prompts, completions, arguments and results of tools on the
	// spans. Without it they are removed, and their size is noted.
	KeepContent bool `mapstructure:"keep_content"`
	// PricesFile is a table of prices that goes before the built-in one.
	PricesFile string `mapstructure:"prices_file"`
	// UIEndpoint is where people look at traces, such as "http://localhost:16686".
	// Events get a link to their trace.
	UIEndpoint string `mapstructure:"ui_endpoint"`
}

// Loop says what is a loop.
type Loop struct {
	// Repeats is how many calls in a row of one tool with the same arguments are one;
	// 0 turns it off.
	Repeats int `mapstructure:"repeats"`
	// MaxPeriod is the longest circle of calls that is looked for; 0 turns it off.
	MaxPeriod int `mapstructure:"max_period"`
	// Cycles is how often such a circle must be gone through.
	Cycles int `mapstructure:"cycles"`
	// Stuck is how many model calls in a row without any change are one; 0 turns it
	// off.
	Stuck int `mapstructure:"stuck"`
}

// Runaway says what is too fast, too dear or too long; 0 turns each off.
type Runaway struct {
	TokensPerMinute int64   `mapstructure:"tokens_per_minute"`
	CostPerMinute   float64 `mapstructure:"cost_per_minute"` // US dollars
	// ContextGrowth is by what factor the input of one agent's model calls may grow
	// over ContextCalls calls or more, once it is ContextMin tokens.
	ContextGrowth float64 `mapstructure:"context_growth"`
	ContextCalls  int     `mapstructure:"context_calls"`
	ContextMin    int64   `mapstructure:"context_min"`
	// ChainLength is how many steps a workflow may have.
	ChainLength int `mapstructure:"chain_length"`
}

// Join says what makes several traces one workflow.
type Join struct {
	Links         bool `mapstructure:"links"`         // a span link between them
	Tasks         bool `mapstructure:"tasks"`         // the same A2A task
	Conversations bool `mapstructure:"conversations"` // the same conversation or session
}

// bounds of what may be configured.
const (
	maxPeriod   = 64
	minInterval = 100 * time.Millisecond
)

func createDefaultConfig() component.Config {
	s := assembly.DefaultSettings()
	return &Config{
		MetricsInterval: 15 * time.Second,
		MaxSeries:       2000,
		SeriesTTL:       24 * time.Hour,
		MaxWorkflows:    s.MaxWorkflows,
		MaxSpans:        s.MaxSpans,
		Settle:          s.Settle,
		DetachedTimeout: s.DetachedTimeout,
		IdleTimeout:     s.IdleTimeout,
		MaxDuration:     s.MaxDuration,
		StallTimeout:    s.StallTimeout,
		Loop:            Loop(s.Loop),
		Runaway:         Runaway(s.Runaway),
		Join:            Join(s.Join),
	}
}

// Validate reports every rule that the configuration breaks.
func (c *Config) Validate() error {
	var errs []error
	rule := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	rule(c.MetricsInterval >= minInterval, "metrics_interval: %s must be at least %s", c.MetricsInterval, minInterval)
	rule(c.MaxSeries >= 1, "max_series: %d must be at least 1", c.MaxSeries)
	rule(c.SeriesTTL == 0 || c.SeriesTTL >= c.MetricsInterval,
		"series_ttl: %s must be 0 or at least metrics_interval, %s", c.SeriesTTL, c.MetricsInterval)
	rule(c.MaxWorkflows >= 1, "max_workflows: %d must be at least 1", c.MaxWorkflows)
	rule(c.MaxSpans >= 1, "max_spans: %d must be at least 1", c.MaxSpans)
	rule(c.Settle > 0, "settle: %s must be more than 0", c.Settle)
	rule(c.DetachedTimeout >= c.Settle, "detached_timeout: %s must be at least settle, %s", c.DetachedTimeout, c.Settle)
	rule(c.IdleTimeout >= c.DetachedTimeout && c.IdleTimeout > c.Settle,
		"idle_timeout: %s must be more than settle, %s, and at least detached_timeout, %s", c.IdleTimeout, c.Settle, c.DetachedTimeout)
	rule(c.MaxDuration >= c.IdleTimeout, "max_duration: %s must be at least idle_timeout, %s", c.MaxDuration, c.IdleTimeout)
	rule(c.StallTimeout >= 0, "stall_timeout: %s must not be negative", c.StallTimeout)
	rule(c.Loop.Repeats == 0 || c.Loop.Repeats >= 2, "loop::repeats: %d must be 0 or at least 2", c.Loop.Repeats)
	rule(c.Loop.MaxPeriod == 0 || c.Loop.MaxPeriod >= 2 && c.Loop.MaxPeriod <= maxPeriod,
		"loop::max_period: %d must be 0 or from 2 to %d", c.Loop.MaxPeriod, maxPeriod)
	rule(c.Loop.MaxPeriod == 0 || c.Loop.Cycles >= 2, "loop::cycles: %d must be at least 2", c.Loop.Cycles)
	rule(c.Loop.Stuck == 0 || c.Loop.Stuck >= 2, "loop::stuck: %d must be 0 or at least 2", c.Loop.Stuck)
	rule(c.Runaway.TokensPerMinute >= 0, "runaway::tokens_per_minute: %d must not be negative", c.Runaway.TokensPerMinute)
	rule(c.Runaway.CostPerMinute >= 0, "runaway::cost_per_minute: %v must not be negative", c.Runaway.CostPerMinute)
	rule(c.Runaway.ContextGrowth == 0 || c.Runaway.ContextGrowth > 1,
		"runaway::context_growth: %v must be 0 or more than 1", c.Runaway.ContextGrowth)
	rule(c.Runaway.ContextGrowth == 0 || c.Runaway.ContextCalls >= 2,
		"runaway::context_calls: %d must be at least 2", c.Runaway.ContextCalls)
	rule(c.Runaway.ContextMin >= 0, "runaway::context_min: %d must not be negative", c.Runaway.ContextMin)
	rule(c.Runaway.ChainLength >= 0, "runaway::chain_length: %d must not be negative", c.Runaway.ChainLength)
	if _, err := tracelink.Parse(c.UIEndpoint); err != nil {
		errs = append(errs, fmt.Errorf("ui_endpoint: %w", err))
	}
	return errors.Join(errs...)
}

// assembly returns the settings of the engine.
func (c *Config) assembly() assembly.Settings {
	s := assembly.DefaultSettings()
	s.MaxWorkflows, s.MaxSpans = c.MaxWorkflows, c.MaxSpans
	s.Settle, s.DetachedTimeout, s.IdleTimeout = c.Settle, c.DetachedTimeout, c.IdleTimeout
	s.MaxDuration, s.StallTimeout = c.MaxDuration, c.StallTimeout
	s.Loop = assembly.LoopSettings(c.Loop)
	s.Runaway = assembly.RunawaySettings(c.Runaway)
	s.Join = assembly.JoinSettings(c.Join)
	return s
}
