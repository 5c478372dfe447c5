package agenthealth

import (
	"context"
	"net/http"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
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

// client returns a client that follows no redirect: it sends its credentials to
// the endpoint's host and nowhere else.
func (c *ClientConfig) client(ctx context.Context, host component.Host, use connections) (*http.Client, error) {
	tls, err := c.TLS.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = tls
	base.DisableKeepAlives = use == newConnections
	base.MaxResponseHeaderBytes = 64 << 10
	var signed http.RoundTripper = base
	if c.Auth.HasValue() {
		authenticator, err := c.Auth.Get().GetHTTPClientAuthenticator(ctx, host.GetExtensions())
		if err != nil {
			return nil, err
		}
		if signed, err = authenticator.RoundTripper(base); err != nil {
			return nil, err
		}
	}
	return &http.Client{
		Transport: &transport{next: signed, base: base, headers: c.Headers},
		// Headers and signatures are added below this point to whatever goes out, so
		// nothing must go out to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// transport adds headers to requests.
type transport struct {
	next    http.RoundTripper
	base    *http.Transport
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

// CloseIdleConnections is found by http.Client's method of that name.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }
