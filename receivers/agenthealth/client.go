package agenthealth

import (
	"context"
	"net/http"
	"net/url"

	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"

	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// ClientConfig is what the checks over HTTP share. The keys mean what they mean
// for the Collector's HTTP clients.
type ClientConfig struct {
	// Endpoint is the URL to ask. It must not hold credentials.
	Endpoint string `mapstructure:"endpoint"`
	// Headers are added to every request.
	Headers configopaque.MapList `mapstructure:"headers"`
	// TLS is used for https.
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// Auth names an extension that signs the requests.
	Auth configoptional.Optional[configauth.Config] `mapstructure:"auth"`
}

// connections says what becomes of a connection after a request.
type connections int

const (
	keptConnections connections = iota
	newConnections
)

func (c *ClientConfig) target() string {
	u, err := url.Parse(c.Endpoint)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// client returns a client that sends its credentials to the origin of the endpoint
// and nowhere else, and dials no address that is forbidden. Whether it follows
// redirects is the probe's business.
func (c *ClientConfig) client(ctx context.Context, around surroundings, use connections) (*http.Client, error) {
	tls, err := c.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	origin, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, err
	}
	base := guard.Transport(around.allowLinkLocal)
	base.TLSClientConfig = tls
	base.DisableKeepAlives = use == newConnections
	var signed http.RoundTripper = base
	if c.Auth.HasValue() {
		authenticator, err := c.Auth.Get().GetHTTPClientAuthenticator(ctx, around.host.GetExtensions())
		if err != nil {
			return nil, err
		}
		if signed, err = authenticator.RoundTripper(base); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: guard.OnlyTo(origin, &transport{next: signed, headers: c.Headers}, base)}, nil
}

// transport adds headers to requests.
type transport struct {
	next    http.RoundTripper
	headers configopaque.MapList
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if len(t.headers) > 0 {
		// A RoundTripper must not change the request that it was given.
		request = request.Clone(request.Context())
		for name, value := range t.headers.Iter {
			if http.CanonicalHeaderKey(name) == "Host" {
				request.Host = string(value)
			}
			request.Header.Set(name, string(value))
		}
	}
	return t.next.RoundTrip(request)
}
