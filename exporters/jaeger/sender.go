package jaeger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
)

// transport carries requests to Jaeger by one protocol. export makes one attempt,
// which the context bounds; its error is a *refusal when another one would be in
// vain.
type transport interface {
	start(ctx context.Context, host component.Host) error
	export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error)
	shutdown() error
}

// sender makes one attempt at sending; queue and retries are the caller's.
type sender struct {
	transport transport
	telemetry *metadata.TelemetryBuilder
	partial   *partialSuccesses
}

func newSender(cfg *Config, set exporter.Settings) (*sender, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	userAgent := fmt.Sprintf("%s/%s (%s/%s)", set.BuildInfo.Command, set.BuildInfo.Version, runtime.GOOS, runtime.GOARCH)
	s := &sender{telemetry: telemetry, partial: newPartialSuccesses(set.Logger, telemetry)}
	if cfg.http != nil {
		s.transport = &httpTransport{settings: *cfg.http, url: tracesURL(cfg.http), set: set.TelemetrySettings, userAgent: userAgent}
	} else {
		s.transport = &grpcTransport{settings: *cfg.grpc, set: set.TelemetrySettings, userAgent: userAgent}
	}
	return s, nil
}

func (s *sender) start(ctx context.Context, host component.Host) error {
	return s.transport.start(ctx, host)
}

func (s *sender) shutdown(context.Context) error {
	s.telemetry.Shutdown()
	return s.transport.shutdown()
}

func (s *sender) send(ctx context.Context, td ptrace.Traces) error {
	response, err := s.transport.export(ctx, ptraceotlp.NewExportRequestFromTraces(td))
	var refused *refusal
	if errors.As(err, &refused) {
		s.telemetry.ExporterJaegerRefusedSpans.Add(ctx, int64(td.SpanCount()),
			metric.WithAttributes(attribute.String("reason", string(refused.reason))))
		return consumererror.NewPermanent(err)
	}
	if err != nil {
		return err
	}
	s.partial.observe(ctx, time.Now(), response.PartialSuccess(), td.SpanCount())
	return nil
}
