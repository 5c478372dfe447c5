package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"

	"github.com/watchkeeper/watchkeeper/sdk"
)

// service is one of the programs that the fleet stands for, with a service.name and
// telemetry of its own.
type service struct {
	name    string
	kit     sdk.Kit
	tracers *trace.TracerProvider
	meters  *metric.MeterProvider
	base    *http.Transport
	// client sends requests with the service's trace.
	client *http.Client
}

func newService(ctx context.Context, name string, o options, t *truth) (*service, error) {
	spans, metrics, err := exporters(ctx, o.otlp)
	if err != nil {
		return nil, fmt.Errorf("telemetry to %q: %w", o.otlp, err)
	}
	about := resource.NewSchemaless(
		attribute.String("service.name", name), attribute.String("service.namespace", "fleetsim"),
		attribute.String("service.version", "1.0.0"), attribute.String("service.instance.id", name+"-1"),
	)
	s := &service{name: name, base: http.DefaultTransport.(*http.Transport).Clone()}
	s.base.MaxIdleConnsPerHost = o.workers
	// A full queue holds the fleet up rather than lose a span: the truth must hold.
	s.tracers = trace.NewTracerProvider(trace.WithResource(about), trace.WithSampler(trace.AlwaysSample()),
		trace.WithBatcher(spans, trace.WithBlocking(), trace.WithBatchTimeout(time.Second)))
	s.meters = metric.NewMeterProvider(metric.WithResource(about),
		metric.WithReader(metric.NewPeriodicReader(metrics, metric.WithInterval(o.metricInterval))))
	s.kit = sdk.New(s.tracers, s.meters)
	s.client = &http.Client{Transport: otelhttp.NewTransport(counted{s.base, t},
		otelhttp.WithTracerProvider(s.tracers), otelhttp.WithMeterProvider(s.meters), otelhttp.WithPropagators(propagators()))}
	return s, nil
}

// handler returns a mux as the service serves it: traced, and counted in flight.
func (s *service) handler(mux *http.ServeMux, t *truth) (http.Handler, error) {
	flying, err := s.kit.InFlight(served(mux, t))
	if err != nil {
		return nil, err
	}
	return otelhttp.NewHandler(flying, s.name, otelhttp.WithTracerProvider(s.tracers), otelhttp.WithMeterProvider(s.meters),
		otelhttp.WithPropagators(propagators())), nil
}

// close sends what is left.
func (s *service) close(ctx context.Context) error {
	s.base.CloseIdleConnections()
	return errors.Join(s.tracers.Shutdown(ctx), s.meters.Shutdown(ctx))
}

func propagators() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
}

func exporters(ctx context.Context, endpoint string) (trace.SpanExporter, metric.Exporter, error) {
	if strings.HasPrefix(endpoint, "http://") || strings.HasPrefix(endpoint, "https://") {
		base := strings.TrimSuffix(endpoint, "/")
		spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"))
		if err != nil {
			return nil, nil, err
		}
		metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base+"/v1/metrics"))
		return spans, metrics, err
	}
	spans, err := otlptrace.New(ctx, otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(endpoint), otlptracegrpc.WithInsecure()))
	if err != nil {
		return nil, nil, err
	}
	metrics, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(endpoint), otlpmetricgrpc.WithInsecure())
	return spans, metrics, err
}

// counted counts the requests that are sent by what came back.
type counted struct {
	next  http.RoundTripper
	truth *truth
}

// RoundTrip sends a request.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	class := "error"
	if err == nil {
		class = statusClass(response.StatusCode)
	}
	c.truth.add(c.truth.httpClient, r.Method, class, 1)
	return response, err
}

// served counts the requests that a mux serves.
func served(mux *http.ServeMux, t *truth) http.Handler {
	return servedMux{mux, t}
}

type servedMux struct {
	*http.ServeMux
	truth *truth
}

// ServeHTTP serves a request.
func (s servedMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := &statusWriter{ResponseWriter: w, code: http.StatusOK}
	s.ServeMux.ServeHTTP(status, r)
	_, route, _ := strings.Cut(r.Pattern, " ")
	// otelhttp asks for the route before the mux has matched the request.
	api.SpanFromContext(r.Context()).SetAttributes(attribute.String("http.route", route))
	s.truth.add(s.truth.httpServer, r.Method+" "+route, statusClass(status.code), 1)
}

type statusWriter struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

func statusClass(code int) string { return fmt.Sprintf("%dxx", code/100) }
