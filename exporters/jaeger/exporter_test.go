package jaeger

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadatatest"
)

// server is an OTLP receiver that answers what a test tells it to.
type server struct {
	ptraceotlp.UnimplementedGRPCServer
	answer func(attempt int) (ptraceotlp.ExportResponse, error)

	mu       sync.Mutex
	attempts int
	received []string
}

func (s *server) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	response, err := s.answer(s.attempts)
	if err == nil {
		s.received = append(s.received, names(r.Traces())...)
	}
	return response, err
}

func (s *server) seen() (attempts int, received []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts, append([]string(nil), s.received...)
}

func accept(int) (ptraceotlp.ExportResponse, error) { return ptraceotlp.NewExportResponse(), nil }

func start(t *testing.T, s *server, change func(*Config)) (exporter.Traces, *componenttest.Telemetry) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g, s)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)

	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = listener.Addr().String()
	cfg.ClientConfig.TLS.Insecure = true
	cfg.RetryConfig.InitialInterval = time.Millisecond
	change(cfg)

	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	e, err := NewFactory().CreateTraces(t.Context(), set, component.Config(cfg))
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
	return e, telemetry
}

func TestAFailureThatMayPassIsRetriedUntilJaegerTakesTheSpans(t *testing.T) {
	s := &server{answer: func(attempt int) (ptraceotlp.ExportResponse, error) {
		if attempt < 3 {
			return ptraceotlp.NewExportResponse(), status.Error(codes.Unavailable, "starting")
		}
		return accept(attempt)
	}}
	e, _ := start(t, s, func(*Config) {})
	require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""}, [2]string{"b", ""})))
	require.Eventually(t, func() bool {
		attempts, received := s.seen()
		return attempts == 3 && len(received) == 2
	}, 10*time.Second, time.Millisecond)
}

func TestAFailureThatWillNotPassIsNotRetried(t *testing.T) {
	s := &server{answer: func(int) (ptraceotlp.ExportResponse, error) {
		return ptraceotlp.NewExportResponse(), status.Error(codes.InvalidArgument, "no")
	}}
	e, _ := start(t, s, func(c *Config) { c.QueueConfig = none() })
	require.ErrorContains(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""})), "no")
	attempts, _ := s.seen()
	require.Equal(t, 1, attempts)
}

func TestWorkflowsOnlyLeavesOtherTracesOutAndCountsThem(t *testing.T) {
	s := &server{answer: accept}
	e, telemetry := start(t, s, func(c *Config) { c.Traces, c.QueueConfig = Workflows, none() })
	require.True(t, e.Capabilities().MutatesData)
	require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", "gen_ai.system"}, [2]string{"b", ""})))
	require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"b", ""})))

	attempts, received := s.seen()
	require.Equal(t, 1, attempts, "nothing is sent for a request without a workflow")
	require.Equal(t, []string{"a"}, received)
	metadatatest.AssertEqualExporterJaegerFilteredSpans(t, telemetry,
		points(2), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

func TestSpansThatJaegerRejectsAreCounted(t *testing.T) {
	s := &server{answer: func(int) (ptraceotlp.ExportResponse, error) {
		response := ptraceotlp.NewExportResponse()
		response.PartialSuccess().SetRejectedSpans(1)
		return response, nil
	}}
	e, telemetry := start(t, s, func(c *Config) { c.QueueConfig = none() })
	require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""}, [2]string{"b", ""})))
	metadatatest.AssertEqualExporterJaegerRejectedSpans(t, telemetry,
		points(1), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

func none() configoptional.Optional[exporterhelper.QueueBatchConfig] {
	return configoptional.None[exporterhelper.QueueBatchConfig]()
}

func points(value int64) []metricdata.DataPoint[int64] {
	return []metricdata.DataPoint[int64]{{Value: value}}
}
