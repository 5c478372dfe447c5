package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// maxMessage bounds one message of the server, in bytes: a peer that is no
// PostgreSQL could announce gigabytes. Our longest answer has some dozens.
const maxMessage = 64 << 10

// connConfig turns settings into the driver's configuration.
//
// The driver insists on parsing a connection string, and fills its gaps from PG*
// variables, ~/.pgpass and service files. The string below leaves no gap, and
// every field of consequence is then set from the settings.
func connConfig(s Settings) (*pgconn.Config, error) {
	host, portText, err := net.SplitHostPort(s.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: want host:port", s.Endpoint)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 || host == "" {
		return nil, fmt.Errorf("endpoint %q: want host:port with a port of 1 to 65535", s.Endpoint)
	}
	if s.Username == "" {
		return nil, errors.New("username must not be empty")
	}
	if s.Database == "" {
		return nil, errors.New("database must not be empty")
	}

	config, err := parseNothing()
	if err != nil {
		return nil, err
	}
	config.Host, config.Port = host, uint16(port)
	config.User, config.Password, config.Database = s.Username, s.Password, s.Database
	config.RuntimeParams = map[string]string{"application_name": "watchkeeper"}
	config.Fallbacks = nil
	config.KerberosSpn, config.KerberosSrvName = "", ""
	config.MaxProtocolMessageBodyLen = maxMessage
	config.TLSConfig = nil
	if s.TLS != nil {
		config.TLSConfig = s.TLS.Clone()
		if config.TLSConfig.ServerName == "" {
			config.TLSConfig.ServerName = host
		}
	}
	dial := s.Dial
	if dial == nil {
		dial = guard.Dialer(false).DialContext
	}
	// The dialer resolves the name, as it does for every other probe.
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = dial
	return config, nil
}

// parseNothing returns a configuration that depends on nothing outside.
func parseNothing() (*pgconn.Config, error) {
	const complete = "host=localhost port=1 user=none password=none dbname=none passfile=/dev/null " +
		"sslmode=disable sslcertmode=disable sslnegotiation=postgres sslrootcert='' sslcert='' sslkey='' " +
		"target_session_attrs=any connect_timeout=0 min_protocol_version=3.0 max_protocol_version=3.0 " +
		"channel_binding=prefer require_auth=''"
	if os.Getenv("PGSERVICE") == "" {
		return pgconn.ParseConfig(complete)
	}
	// A service cannot be switched off, only replaced by one that sets nothing.
	f, err := os.CreateTemp("", "pg_service")
	if err != nil {
		return nil, fmt.Errorf("replacing the service file of PGSERVICE: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString("[none]\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("replacing the service file of PGSERVICE: %w", err)
	}
	return pgconn.ParseConfig(complete + " service=none servicefile=" + quote(f.Name()))
}

// quote writes a value of a connection string (libpq, "Keyword/Value Connection
// Strings").
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
}

// dialOnce keeps the driver from dialing again on behalf of a connection that
// failed: it would do so, in the background and for up to 15 s, to have the server
// cancel the query, which statement_timeout does without another connection.
func dialOnce(dial pgconn.DialFunc) pgconn.DialFunc {
	var used atomic.Bool
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errors.New("not dialing to cancel a query")
		}
		return dial(ctx, network, address)
	}
}
