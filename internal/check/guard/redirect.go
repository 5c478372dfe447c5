package guard

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// ErrTooManyRedirects is what a client says that followed as many redirects as
// Redirects allows, and got another one.
var ErrTooManyRedirects = errors.New("too many redirects")

// Redirects returns a policy for http.Client.CheckRedirect that follows at most
// limit redirects. With zero it follows none, and the redirect is the answer. To
// another origin than that of the first request it sends none of its headers, for
// any of them may be a secret, and no Referer.
//
// A transport that adds credentials does so after this: see [OnlyTo].
func Redirects(limit int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		switch {
		case limit <= 0:
			return http.ErrUseLastResponse
		case len(via) > limit:
			return ErrTooManyRedirects
		}
		if !SameOrigin(next.URL, via[0].URL) {
			for name := range next.Header {
				if !slices.Contains(harmless, name) {
					next.Header.Del(name)
				}
			}
		}
		return nil
	}
}

// harmless are headers that say nothing of who asks.
var harmless = []string{"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "User-Agent"}

// SameOrigin is true for URLs of one scheme, host and port (RFC 6454, 5).
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// OnlyTo returns a transport that sends requests for the origin by signed, which
// may add credentials, and all others by plain, which must not.
func OnlyTo(origin *url.URL, signed, plain http.RoundTripper) http.RoundTripper {
	return &onlyTo{origin: origin, signed: signed, plain: plain}
}

type onlyTo struct {
	origin        *url.URL
	signed, plain http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *onlyTo) RoundTrip(request *http.Request) (*http.Response, error) {
	if SameOrigin(t.origin, request.URL) {
		return t.signed.RoundTrip(request)
	}
	return t.plain.RoundTrip(request)
}

// CloseIdleConnections is found by http.Client's method of that name.
func (t *onlyTo) CloseIdleConnections() {
	closeIdle(t.signed)
	closeIdle(t.plain)
}

func closeIdle(t http.RoundTripper) {
	if t, ok := t.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
