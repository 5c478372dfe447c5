package agenthealth

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/redis"
)

// RedisConfig asks a Redis server, alone or in a cluster.
type RedisConfig struct {
	// Endpoint is host:port.
	Endpoint string `mapstructure:"endpoint"`
	// Username is empty for the default user, Password for none.
	Username string              `mapstructure:"username"`
	Password configopaque.String `mapstructure:"password"`
	// TLS is used if it is set; Redis speaks plaintext by default.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`
	// MaxResponseTime is how long PING may take before the state is degraded; zero
	// switches the threshold off.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
}

func defaultRedisConfig() RedisConfig {
	return RedisConfig{
		TLS:             configoptional.Default(configtls.NewDefaultClientConfig()),
		MaxResponseTime: redis.DefaultSettings().MaxResponseTime,
	}
}

// Validate checks the whole block.
func (c *RedisConfig) Validate() error {
	return errors.Join(validateHostPort(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime))
}

func (c *RedisConfig) probe(ctx context.Context, _ component.Host) (check.Probe, error) {
	var encrypted *tls.Config
	if c.TLS.HasValue() {
		var err error
		if encrypted, err = c.TLS.Get().LoadTLSConfig(ctx); err != nil {
			return nil, err
		}
	}
	return redis.New(redis.Settings{
		Endpoint: c.Endpoint, Username: c.Username, Password: string(c.Password), TLS: encrypted,
		MaxResponseTime: c.MaxResponseTime,
	})
}
