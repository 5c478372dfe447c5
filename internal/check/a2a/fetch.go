package a2a

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// fetched is a card as it came.
type fetched struct {
	body []byte
	// certificate is nil for plaintext.
	certificate *x509.Certificate
}

// statusError says that the answer has not the status of success.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("the agent answered with status %d", int(e)) }

// fetch looks for the card in one place after the other. That there is none in the
// older place says less than that there is none in the newer.
func (p *Probe) fetch(ctx context.Context) (fetched, error) {
	var first error
	for _, path := range p.paths {
		got, err := p.get(ctx, path)
		var status statusError
		if !errors.As(err, &status) || status != http.StatusNotFound && status != http.StatusMethodNotAllowed && status != http.StatusGone {
			return got, err
		}
		if first == nil {
			first = err
		}
	}
	return fetched{}, first
}

func (p *Probe) get(ctx context.Context, path string) (got fetched, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return got, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return got, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		got.certificate = response.TLS.PeerCertificates[0]
	}
	if response.StatusCode != http.StatusOK {
		return got, statusError(response.StatusCode)
	}
	got.body, err = io.ReadAll(response.Body)
	return got, err
}

// headers is a transport that adds headers to what goes to one origin.
type headers struct {
	next   http.RoundTripper
	origin *url.URL
	add    http.Header
}

// RoundTrip implements http.RoundTripper.
func (t *headers) RoundTrip(request *http.Request) (*http.Response, error) {
	if len(t.add) > 0 && guard.SameOrigin(t.origin, request.URL) {
		// A RoundTripper must not change the request that it was given.
		request = request.Clone(request.Context())
		maps.Copy(request.Header, t.add)
		if host := t.add.Get("Host"); host != "" {
			request.Host = host
		}
	}
	return t.next.RoundTrip(request)
}

// CloseIdleConnections is found by http.Client's method of that name.
func (t *headers) CloseIdleConnections() {
	if next, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}
