package agenthealth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/postgres"
)

// PostgresConfig asks a PostgreSQL server. A threshold of zero is off.
type PostgresConfig struct {
	// Endpoint is host:port.
	Endpoint string `mapstructure:"endpoint"`
	// Username and Database are required.
	Username string              `mapstructure:"username"`
	Password configopaque.String `mapstructure:"password"`
	Database string              `mapstructure:"database"`
	// TLS is on, and the certificate verified, unless it is insecure.
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// MaxResponseTime is how long the first query may take before the state is
	// degraded.
	MaxResponseTime time.Duration `mapstructure:"max_response_time"`
	// MaxActiveConnections is how many connections may be running a query before
	// the state is degraded.
	MaxActiveConnections int `mapstructure:"max_active_connections"`
	// MaxConnectionsRatio is the share, 0 to 1, of the connections open to ordinary
	// users that may be taken before the state is degraded.
	MaxConnectionsRatio float64 `mapstructure:"max_connections_ratio"`
}

func defaultPostgresConfig() PostgresConfig {
	d := postgres.DefaultSettings()
	return PostgresConfig{
		TLS:             configtls.NewDefaultClientConfig(),
		MaxResponseTime: d.MaxResponseTime, MaxActiveConnections: d.MaxActiveConnections, MaxConnectionsRatio: d.MaxConnectionsRatio,
	}
}

// Validate checks the whole block.
func (c *PostgresConfig) Validate() error {
	errs := []error{
		validateHostPort(c.Endpoint),
		required("username", c.Username),
		required("database", c.Database),
		notNegative("max_response_time", c.MaxResponseTime),
		notNegative("max_active_connections", c.MaxActiveConnections),
	}
	if !(c.MaxConnectionsRatio >= 0 && c.MaxConnectionsRatio <= 1) {
		errs = append(errs, fmt.Errorf("max_connections_ratio: must be from 0 to 1, got %v", c.MaxConnectionsRatio))
	}
	return errors.Join(errs...)
}

func (c *PostgresConfig) probe(ctx context.Context, _ component.Host) (check.Probe, error) {
	tls, err := c.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	return postgres.New(postgres.Settings{
		Endpoint: c.Endpoint, Username: c.Username, Password: string(c.Password), Database: c.Database, TLS: tls,
		MaxResponseTime: c.MaxResponseTime, MaxActiveConnections: c.MaxActiveConnections, MaxConnectionsRatio: c.MaxConnectionsRatio,
	})
}
