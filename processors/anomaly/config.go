package anomaly

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
)

// Config of the anomaly processor.
type Config struct {
	// Include lists regular expressions (RE2, not anchored). A metric is scored if
	// one of them is found in its name and none of Exclude is.
	Include []string `mapstructure:"include"`
	// Exclude lists the names that are not scored although Include has them.
	Exclude []string `mapstructure:"exclude"`
	// MaxSeries is how many series are scored at most. When there are more,
	// newcomers pass without a score until a known series has been idle for
	// SeriesTTL. A series costs about 400 bytes.
	MaxSeries int `mapstructure:"max_series"`
	// SeriesTTL is how long a series that sends no points is remembered. One that
	// comes back later warms up again.
	SeriesTTL time.Duration `mapstructure:"series_ttl"`
	// Threshold is the score at which a series becomes anomalous. Lower finds more
	// and cries wolf more often.
	Threshold float64 `mapstructure:"threshold"`
	// WarmUp is how many points of a series are learned before any is scored.
	WarmUp int `mapstructure:"warm_up"`
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// Validate checks the values of one processor.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Include) == 0 {
		errs = append(errs, errors.New("include must name at least one pattern"))
	}
	if _, err := newNames(c.Include, c.Exclude); err != nil {
		errs = append(errs, err)
	}
	if c.MaxSeries < 1 {
		errs = append(errs, fmt.Errorf("max_series must be at least 1, not %d", c.MaxSeries))
	}
	if c.SeriesTTL < time.Second {
		errs = append(errs, fmt.Errorf("series_ttl must be at least 1s, not %s", c.SeriesTTL))
	}
	if !(c.Threshold > 0 && c.Threshold < 1) {
		errs = append(errs, fmt.Errorf("threshold must be above 0 and below 1, not %v", c.Threshold))
	}
	if c.WarmUp < 10 || c.WarmUp > 10_000 {
		errs = append(errs, fmt.Errorf("warm_up must be from 10 to 10000 points, not %d", c.WarmUp))
	}
	return errors.Join(errs...)
}

// names decides by its name whether a metric is scored.
type names struct{ include, exclude []*regexp.Regexp }

func newNames(include, exclude []string) (names, error) {
	in, err := compile("include", include)
	out, err2 := compile("exclude", exclude)
	return names{in, out}, errors.Join(err, err2)
}

func compile(key string, patterns []string) ([]*regexp.Regexp, error) {
	var errs []error
	out := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		var err error
		if out[i], err = regexp.Compile(p); err != nil {
			errs = append(errs, fmt.Errorf("%s[%d] must be a regular expression, not %q: %w", key, i, p, err))
		}
	}
	return out, errors.Join(errs...)
}

func (n names) match(name string) bool {
	return anyMatch(n.include, name) && !anyMatch(n.exclude, name)
}

func anyMatch(patterns []*regexp.Regexp, name string) bool {
	for _, p := range patterns {
		if p.MatchString(name) {
			return true
		}
	}
	return false
}
