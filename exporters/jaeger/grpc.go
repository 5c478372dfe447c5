package jaeger

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// grpcTransport speaks OTLP over gRPC. grpc-go bounds an answer at 4 MiB.
type grpcTransport struct {
	settings  configgrpc.ClientConfig
	set       component.TelemetrySettings
	userAgent string

	conn   *grpc.ClientConn
	traces ptraceotlp.GRPCClient
}

func (t *grpcTransport) start(ctx context.Context, host component.Host) error {
	conn, err := t.settings.ToClientConn(ctx, host.GetExtensions(), t.set,
		configgrpc.WithGrpcDialOption(grpc.WithUserAgent(t.userAgent)))
	if err != nil {
		return fmt.Errorf("connecting to Jaeger at %q: %w", t.settings.Endpoint, err)
	}
	t.conn, t.traces = conn, ptraceotlp.NewGRPCClient(conn)
	return nil
}

func (t *grpcTransport) export(ctx context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	response, err := t.traces.Export(ctx, request, grpc.WaitForReady(t.settings.WaitForReady))
	if err != nil {
		return response, classify(fmt.Errorf("sending to %q: %w%s", t.settings.Endpoint, err, grpcHint(err)))
	}
	return response, nil
}

func (t *grpcTransport) shutdown() error {
	if t.conn == nil {
		return nil
	}
	conn := t.conn
	t.conn = nil
	return conn.Close()
}

// grpcHint tells a reader of the log about the one mistake in the address that
// grpc-go's error only circumscribes.
func grpcHint(err error) string {
	if strings.Contains(err.Error(), "looked like an HTTP/1.1 header") {
		return ": an HTTP server listens there: for OTLP over HTTP begin the endpoint with http://"
	}
	return ""
}

// classify tells failures that may pass from refusals. The codes are those of the
// OTLP specification, "OTLP/gRPC Response", "Failures": everything that it does not
// list as retryable is final.
func classify(err error) error {
	// Convert finds the status also in an error that wraps it.
	s := status.Convert(err)
	pause, told := retryDelay(s)
	switch s.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return later(err, pause)
	case codes.ResourceExhausted:
		// Without RetryInfo the server says that the request itself is too much.
		if told {
			return later(err, pause)
		}
		return &refusal{refusedSize, err}
	case codes.Unauthenticated, codes.PermissionDenied:
		return &refusal{refusedAuth, err}
	case codes.Unimplemented, codes.NotFound:
		return &refusal{refusedAddress, err}
	case codes.InvalidArgument, codes.FailedPrecondition:
		return &refusal{refusedMalformed, err}
	case codes.Internal:
		// grpc-go reports so what is no message of the protocol.
		return &refusal{refusedProtocol, err}
	default:
		return &refusal{refusedOther, err}
	}
}

func retryDelay(s *status.Status) (wait time.Duration, told bool) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 0, false
}
