package jaeger

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/confmap"
)

// tracesPath is where OTLP over HTTP takes traces, below the base URL: OTLP
// specification, "OTLP/HTTP Request".
const tracesPath = "/v1/traces"

// grpcSettings and httpSettings are all the keys that there are for a protocol.
// Their names are in the error about any other.
type (
	grpcSettings struct {
		Client configgrpc.ClientConfig `mapstructure:",squash"`
		Shared shared                  `mapstructure:",squash"`
	}
	httpSettings struct {
		Client confighttp.ClientConfig `mapstructure:",squash"`
		Shared shared                  `mapstructure:",squash"`
	}
)

// shared is Config without its methods, so that decoding it does not come back to
// them.
type shared Config

// Unmarshal reads the keys of the client that the endpoint asks for. A key of the
// other one is unknown, and thereby an error.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	endpoint, _ := conf.Get("endpoint").(string)
	if isURL(endpoint) {
		s := httpSettings{*defaultHTTPClient(), shared(*c)}
		if err := conf.Unmarshal(&s); err != nil {
			return err
		}
		// The context of an attempt bounds it for both protocols alike.
		s.Client.Timeout = 0
		*c = Config(s.Shared)
		c.grpc, c.http = nil, &s.Client
		return nil
	}
	s := grpcSettings{*defaultGRPCClient(), shared(*c)}
	if err := conf.Unmarshal(&s); err != nil {
		return err
	}
	*c = Config(s.Shared)
	c.grpc, c.http = &s.Client, nil
	return nil
}

// Marshal writes what Unmarshal reads.
func (c Config) Marshal(conf *confmap.Conf) error {
	if c.http != nil {
		client := *c.http
		client.Timeout = c.TimeoutConfig.Timeout
		return conf.Marshal(httpSettings{client, shared(c)})
	}
	return conf.Marshal(grpcSettings{*c.grpc, shared(c)})
}

func defaultGRPCClient() *configgrpc.ClientConfig {
	client := configgrpc.NewDefaultClientConfig()
	client.Compression = configcompression.TypeGzip
	return &client
}

func defaultHTTPClient() *confighttp.ClientConfig {
	client := confighttp.NewDefaultClientConfig()
	client.Compression = configcompression.TypeGzip
	return &client
}

// isURL reports whether an endpoint speaks HTTP. Schemes have no case.
func isURL(endpoint string) bool {
	scheme, _, found := strings.Cut(endpoint, "://")
	return found && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// validateClient checks the settings of the one client that there is.
func (c *Config) validateClient() error {
	if c.http != nil {
		return errors.Join(validateURL(c.http), confmap.Validate(c.http))
	}
	endpoint := c.grpc.Endpoint
	if endpoint == "" {
		return errors.New(`endpoint: must name where Jaeger listens for OTLP: "localhost:14317" for gRPC, "http://localhost:14318" for HTTP`)
	}
	if !strings.Contains(endpoint, "://") && !strings.HasPrefix(endpoint, "unix:") {
		_, port, err := net.SplitHostPort(endpoint)
		if _, number := strconv.ParseUint(port, 10, 16); err != nil || number != nil {
			return fmt.Errorf(`endpoint: %q must be host:port for gRPC, or begin with http:// or https:// for HTTP`, endpoint)
		}
	}
	return confmap.Validate(c.grpc)
}

// validateURL checks what the Collector's HTTP client leaves open. No error shows
// a password.
func validateURL(client *confighttp.ClientConfig) error {
	endpoint := client.Endpoint
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("endpoint: must be a URL such as http://localhost:14318")
	case u.User != nil:
		return errors.New("endpoint: must not hold a user or a password: use auth or headers")
	case u.Hostname() == "":
		return fmt.Errorf("endpoint: %q must name a host", endpoint)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(endpoint, "#"):
		return fmt.Errorf("endpoint: %q must end before the query", endpoint)
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), tracesPath):
		return fmt.Errorf("endpoint: %q must end before %s, which is added", endpoint, tracesPath)
	case u.Scheme == "http" && secures(client.TLS):
		return fmt.Errorf("tls: the endpoint %q is not encrypted, so that certificates are of no use: write https://", endpoint)
	}
	return nil
}

// secures reports whether somebody who wrote these settings expects encryption.
func secures(tls configtls.ClientConfig) bool {
	return tls.CAFile != "" || tls.CAPem != "" || tls.CertFile != "" || tls.CertPem != "" ||
		tls.KeyFile != "" || tls.KeyPem != "" || tls.ServerName != ""
}

// tracesURL returns where a valid client sends.
func tracesURL(client *confighttp.ClientConfig) string {
	return strings.TrimRight(client.Endpoint, "/") + tracesPath
}
