package agenthealth

import (
	"context"
	"errors"
	"time"

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
	// MaxWaitingConnections is how many connections may be waiting for a lock before
	// the state is degraded.
	MaxWaitingConnections int `mapstructure:"max_waiting_connections"`
	// MaxTransactionAge is how old the oldest transaction may be before the state is
	// degraded.
	MaxTransactionAge time.Duration `mapstructure:"max_transaction_age"`
	// MaxReplicationLag is how far a replica may be behind before the state is
	// degraded.
	MaxReplicationLag time.Duration `mapstructure:"max_replication_lag"`
}

func defaultPostgresConfig() PostgresConfig {
	d := postgres.DefaultSettings()
	return PostgresConfig{
		TLS:             configtls.NewDefaultClientConfig(),
		MaxResponseTime: d.MaxResponseTime, MaxActiveConnections: d.MaxActiveConnections, MaxConnectionsRatio: d.MaxConnectionsRatio,
		MaxWaitingConnections: d.MaxWaitingConnections, MaxTransactionAge: d.MaxTransactionAge, MaxReplicationLag: d.MaxReplicationLag,
	}
}

// Validate checks the whole block.
func (c *PostgresConfig) Validate() error {
	return errors.Join(
		validateHostPort(c.Endpoint),
		required("username", c.Username),
		required("database", c.Database),
		notNegative("max_response_time", c.MaxResponseTime),
		notNegative("max_active_connections", c.MaxActiveConnections),
		ratio("max_connections_ratio", c.MaxConnectionsRatio),
		notNegative("max_waiting_connections", c.MaxWaitingConnections),
		notNegative("max_transaction_age", c.MaxTransactionAge),
		notNegative("max_replication_lag", c.MaxReplicationLag),
	)
}

func (c *PostgresConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	tls, err := c.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	return postgres.New(postgres.Settings{
		Endpoint: c.Endpoint, Username: c.Username, Password: string(c.Password), Database: c.Database, TLS: tls,
		Dial:            around.dialer().DialContext,
		MaxResponseTime: c.MaxResponseTime, MaxActiveConnections: c.MaxActiveConnections, MaxConnectionsRatio: c.MaxConnectionsRatio,
		MaxWaitingConnections: c.MaxWaitingConnections, MaxTransactionAge: c.MaxTransactionAge, MaxReplicationLag: c.MaxReplicationLag,
	})
}

func (c *PostgresConfig) target() string { return hostOf(c.Endpoint) }

func (*PostgresConfig) limits() []check.Limit {
	return []check.Limit{{Measurement: "database.connection_pool.utilization", Value: 1}}
}
