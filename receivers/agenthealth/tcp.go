package agenthealth

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/tcp"
)

// SocketConfig is what the checks that connect to a port share.
type SocketConfig struct {
	// Endpoint is host:port.
	Endpoint string `mapstructure:"endpoint"`
	// TLS is used if it is set.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`
	// MaxResponseTime is how long a run may take before the state is degraded; zero
	// switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MinCertificateValidity is how much longer the certificate must be valid; zero
	// switches the threshold off.
	MinCertificateValidity time.Duration `mapstructure:"min_certificate_validity"`
}

// validate checks the keys of this block.
func (c *SocketConfig) validate() error {
	return errors.Join(validateHostPort(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime),
		notNegative("min_certificate_validity", c.MinCertificateValidity))
}

func (c *SocketConfig) target() string { return hostOf(c.Endpoint) }

func (c *SocketConfig) loadTLS(ctx context.Context) (*tls.Config, error) {
	if !c.TLS.HasValue() {
		return nil, nil
	}
	return c.TLS.Get().LoadTLSConfig(ctx)
}

// TCPConfig connects to a port, and may say something and listen.
type TCPConfig struct {
	SocketConfig `mapstructure:",squash"`
	// Send is sent once the connection is there.
	Send string `mapstructure:"send"`
	// Expect is a regular expression that must match in what the server says, unless
	// it is empty.
	Expect string `mapstructure:"expect"`
}

func defaultTCPConfig() TCPConfig {
	d := tcp.DefaultSettings()
	return TCPConfig{SocketConfig: SocketConfig{
		TLS:             configoptional.Default(configtls.NewDefaultClientConfig()),
		MaxResponseTime: d.MaxResponseTime, MinCertificateValidity: d.MinCertificateValidity,
	}}
}

// Validate checks the whole block.
func (c *TCPConfig) Validate() error {
	return errors.Join(c.validate(), pattern("expect", c.Expect))
}

func (c *TCPConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	encrypted, err := c.loadTLS(ctx)
	if err != nil {
		return nil, err
	}
	expect, err := compile(c.Expect)
	if err != nil {
		return nil, err
	}
	return tcp.New(tcp.Settings{
		Endpoint: c.Endpoint, TLS: encrypted, Dial: around.dialer().DialContext, Send: c.Send, Expect: expect,
		MaxResponseTime: c.MaxResponseTime, MinCertificateValidity: c.MinCertificateValidity,
	})
}
