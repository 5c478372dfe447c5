package jaeger

import (
	"context"
	"fmt"
	"runtime"

	"go.uber.org/zap"
	"google.golang.org/grpc"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
)

// sender makes one attempt at sending; queue and retries are the caller's.
type sender struct {
	client    configgrpc.ClientConfig
	set       component.TelemetrySettings
	telemetry *metadata.TelemetryBuilder
	userAgent string

	conn   *grpc.ClientConn
	traces ptraceotlp.GRPCClient
}

func newSender(cfg *Config, set exporter.Settings) (*sender, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &sender{
		client:    cfg.ClientConfig,
		set:       set.TelemetrySettings,
		telemetry: telemetry,
		userAgent: fmt.Sprintf("%s/%s (%s/%s)", set.BuildInfo.Command, set.BuildInfo.Version, runtime.GOOS, runtime.GOARCH),
	}, nil
}

func (s *sender) start(ctx context.Context, host component.Host) error {
	conn, err := s.client.ToClientConn(ctx, host.GetExtensions(), s.set,
		configgrpc.WithGrpcDialOption(grpc.WithUserAgent(s.userAgent)))
	if err != nil {
		return fmt.Errorf("connecting to Jaeger at %q: %w", s.client.Endpoint, err)
	}
	s.conn, s.traces = conn, ptraceotlp.NewGRPCClient(conn)
	return nil
}

func (s *sender) shutdown(context.Context) error {
	s.telemetry.Shutdown()
	if s.conn == nil {
		return nil
	}
	conn := s.conn
	s.conn = nil
	return conn.Close()
}

func (s *sender) send(ctx context.Context, td ptrace.Traces) error {
	response, err := s.traces.Export(ctx, ptraceotlp.NewExportRequestFromTraces(td), grpc.WaitForReady(s.client.WaitForReady))
	if err != nil {
		return classify(err)
	}
	if p := response.PartialSuccess(); p.RejectedSpans() > 0 || p.ErrorMessage() != "" {
		s.telemetry.ExporterJaegerRejectedSpans.Add(ctx, p.RejectedSpans())
		s.set.Logger.Warn("Jaeger accepted only a part of the spans",
			zap.Int64("rejected_spans", p.RejectedSpans()), zap.String("message", p.ErrorMessage()))
	}
	return nil
}
