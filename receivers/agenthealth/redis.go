package agenthealth

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

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
	// RoundTrip has every run write a key, read it and delete it.
	RoundTrip bool `mapstructure:"round_trip"`
	// MaxMemoryRatio is the share, 0 to 1, of the memory allowed to the server that
	// may be used before the state is degraded, where the server evicts nothing;
	// zero switches the threshold off.
	MaxMemoryRatio float64 `mapstructure:"max_memory_ratio"`
	// MaxEvictionRate is how many keys a second the server may evict before the state
	// is degraded; zero switches the threshold off.
	MaxEvictionRate float64 `mapstructure:"max_eviction_rate"`
}

func defaultRedisConfig() RedisConfig {
	d := redis.DefaultSettings()
	return RedisConfig{
		TLS:             configoptional.Default(configtls.NewDefaultClientConfig()),
		MaxResponseTime: d.MaxResponseTime, MaxMemoryRatio: d.MaxMemoryRatio, MaxEvictionRate: d.MaxEvictionRate,
	}
}

// Validate checks the whole block.
func (c *RedisConfig) Validate() error {
	return errors.Join(validateHostPort(c.Endpoint), notNegative("max_response_time", c.MaxResponseTime),
		ratio("max_memory_ratio", c.MaxMemoryRatio), notNegative("max_eviction_rate", c.MaxEvictionRate))
}

func (c *RedisConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	var encrypted *tls.Config
	if c.TLS.HasValue() {
		var err error
		if encrypted, err = c.TLS.Get().LoadTLSConfig(ctx); err != nil {
			return nil, err
		}
	}
	return redis.New(redis.Settings{
		Endpoint: c.Endpoint, Username: c.Username, Password: string(c.Password), TLS: encrypted,
		Dial: around.dialer().DialContext, RoundTrip: c.RoundTrip,
		MaxResponseTime: c.MaxResponseTime, MaxMemoryRatio: c.MaxMemoryRatio, MaxEvictionRate: c.MaxEvictionRate,
	})
}

func (c *RedisConfig) target() string { return hostOf(c.Endpoint) }

func (*RedisConfig) limits() []check.Limit {
	return []check.Limit{{Measurement: "redis.memory.utilization", Value: 1}}
}
