package agenthealth

import (
	"context"
	"strings"

	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/grpc"
)

// GRPCConfig asks a gRPC server by the standard health protocol.
type GRPCConfig struct {
	SocketConfig `mapstructure:",squash"`
	// Service is the name that the health service knows; empty means the server as a
	// whole.
	Service string `mapstructure:"service"`
	// Headers are sent with the request, as metadata.
	Headers configopaque.MapList `mapstructure:"headers"`
}

func defaultGRPCConfig() GRPCConfig {
	d := grpc.DefaultSettings()
	return GRPCConfig{SocketConfig: SocketConfig{
		TLS:             configoptional.Default(configtls.NewDefaultClientConfig()),
		MaxResponseTime: d.MaxResponseTime, MinCertificateValidity: d.MinCertificateValidity,
	}}
}

// Validate checks the whole block.
func (c *GRPCConfig) Validate() error { return c.validate() }

func (c *GRPCConfig) probe(ctx context.Context, around surroundings) (check.Probe, error) {
	encrypted, err := c.loadTLS(ctx)
	if err != nil {
		return nil, err
	}
	metadata := make(map[string]string, len(c.Headers))
	for name, value := range c.Headers.Iter {
		metadata[strings.ToLower(name)] = string(value)
	}
	return grpc.New(grpc.Settings{
		Endpoint: c.Endpoint, Service: c.Service, TLS: encrypted, Dial: around.dialer().DialContext, Metadata: metadata,
		MaxResponseTime: c.MaxResponseTime, MinCertificateValidity: c.MinCertificateValidity,
	})
}
