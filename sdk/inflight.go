package sdk

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// noEndpoint is the endpoint of requests that no route matches: their paths are the
// caller's invention and must not become labels.
const noEndpoint = "_OTHER"

// InFlight counts the requests that a handler is serving by route, as
// http.requests.in_flight, with the providers of the Kit. The route is the pattern
// of net/http that the request matches, without its method and host: that which the
// next handler finds if it is an [http.ServeMux], else the one that the request
// has already matched. An error is one of the meter provider's.
func (k Kit) InFlight(next http.Handler) (http.Handler, error) {
	served, err := k.meter().Int64UpDownCounter("http.requests.in_flight",
		metric.WithUnit("{request}"), metric.WithDescription("HTTP requests that are being served."))
	if err != nil {
		return nil, err
	}
	mux, _ := next.(interface {
		Handler(*http.Request) (http.Handler, string)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pattern := r.Pattern
		if mux != nil {
			_, pattern = mux.Handler(r)
		}
		set := metric.WithAttributeSet(attribute.NewSet(attribute.String("endpoint", endpoint(pattern))))
		served.Add(r.Context(), 1, set)
		// The request's context may have ended by then.
		defer served.Add(context.WithoutCancel(r.Context()), -1, set)
		next.ServeHTTP(w, r)
	}), nil
}

// endpoint returns the path of a pattern "[METHOD ][HOST]/PATH".
func endpoint(pattern string) string {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return noEndpoint
	}
	return pattern[slash:]
}
