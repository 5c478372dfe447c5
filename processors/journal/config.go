package journal

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
)

// Config of the processor.
type Config struct {
	// Storage is the storage extension that keeps the journal. Required.
	Storage *component.ID `mapstructure:"storage"`
	// Hold is the longest that the processor behind holds a span, as it is configured:
	// the decision_wait of tail_sampling. What was passed on is kept for a slack of 30 s
	// longer, because that decides once a second and may be late.
	Hold time.Duration `mapstructure:"hold"`
	// MaxBytes bounds what is kept, in bytes of OTLP. What comes when it is reached is
	// refused, and the sender keeps it.
	MaxBytes int64 `mapstructure:"max_bytes"`
}

const (
	minHold = time.Second
	slack   = 30 * time.Second
)

func createDefaultConfig() component.Config {
	return &Config{Hold: 5 * time.Minute, MaxBytes: 1 << 30}
}

// Validate reports every rule that the configuration breaks.
func (c *Config) Validate() error {
	var errs []error
	if c.Storage == nil {
		errs = append(errs, errors.New("storage: must name a storage extension, such as file_storage"))
	}
	if c.Hold < minHold {
		errs = append(errs, fmt.Errorf("hold: %s must be at least %s", c.Hold, minHold))
	}
	if c.MaxBytes < 1 {
		errs = append(errs, fmt.Errorf("max_bytes: %d must be at least 1", c.MaxBytes))
	}
	return errors.Join(errs...)
}
