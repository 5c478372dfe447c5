package agenthealth

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/a2a"
)

// A2AConfig asks an agent that speaks the Agent2Agent protocol.
type A2AConfig struct {
	// Endpoint is where the agent is; one that ends in ".json" is that of its card.
	ClientConfig `mapstructure:",squash"`
	// Canary is a message to send to the agent at every run.
	Canary configoptional.Optional[A2ACanaryConfig] `mapstructure:"canary"`
	// CheckInterfaces has each interface that the card claims connected to; one that
	// cannot be reached means degraded.
	CheckInterfaces bool `mapstructure:"check_interfaces"`
	// AllowOtherHosts lets the card name interfaces on other hosts than its own.
	AllowOtherHosts bool `mapstructure:"allow_other_hosts"`
	// MaxResponseTime is how long getting the card may take before the state is
	// degraded; zero switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MinCertificateValidity is how much longer the certificate must be valid; zero
	// switches the threshold off.
	MinCertificateValidity time.Duration `mapstructure:"min_certificate_validity"`
}

// A2ACanaryConfig is a message and the answer that is expected.
type A2ACanaryConfig struct {
	Message string `mapstructure:"message"`
	// Expect is a regular expression that must match in the answer, unless it is
	// empty.
	Expect string `mapstructure:"expect"`
}

func defaultA2AConfig() A2AConfig {
	d := a2a.DefaultSettings()
	return A2AConfig{MaxResponseTime: d.MaxResponseTime, MinCertificateValidity: d.MinCertificateValidity}
}

// Validate checks the whole block.
func (c *A2AConfig) Validate() error {
	return errors.Join(validateURL(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime),
		notNegative("min_certificate_validity", c.MinCertificateValidity))
}

// Validate checks the whole block.
func (c *A2ACanaryConfig) Validate() error {
	return errors.Join(required("message", c.Message), pattern("expect", c.Expect))
}

func (c *A2AConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	client, err := c.client(ctx, around, newConnections)
	if err != nil {
		return nil, err
	}
	settings := a2a.Settings{
		URL: c.Endpoint, Client: client, Dial: around.dialer().DialContext,
		CheckInterfaces: c.CheckInterfaces, AllowOtherHosts: c.AllowOtherHosts,
		MaxResponseTime: c.MaxResponseTime, MinCertificateValidity: c.MinCertificateValidity,
	}
	if canary := c.Canary.Get(); canary != nil {
		expect, err := compile(canary.Expect)
		if err != nil {
			return nil, err
		}
		settings.Canary = &a2a.Canary{Message: canary.Message, Expect: expect}
	}
	return a2a.New(settings)
}
