package jaeger

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
)

// server is an OTLP receiver for both protocols that answers what a test tells it
// to.
type server struct {
	ptraceotlp.UnimplementedGRPCServer
	// answer returns the answer to an attempt, which count from one. Its errors have
	// a status of gRPC.
	answer func(attempt int) (ptraceotlp.ExportResponse, error)

	mu       sync.Mutex
	attempts int
	received []string
	headers  http.Header
	path     string
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

// ServeHTTP answers as the specification of OTLP over HTTP wants.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.headers, s.path = r.Header.Clone(), r.URL.Path
	s.mu.Unlock()
	w.Header().Set("Content-Type", protobufType)
	body, err := io.ReadAll(r.Body)
	request := ptraceotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != protobufType {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	response, err := s.Export(r.Context(), request)
	if err != nil {
		text, _ := proto.Marshal(status.Convert(err).Proto())
		w.WriteHeader(map[codes.Code]int{
			codes.Unavailable: http.StatusServiceUnavailable, codes.InvalidArgument: http.StatusBadRequest,
			codes.Unauthenticated: http.StatusUnauthorized,
		}[status.Code(err)])
		_, _ = w.Write(text)
		return
	}
	text, _ := response.MarshalProto()
	_, _ = w.Write(text)
}

func (s *server) seen() (attempts int, received []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attempts, append([]string(nil), s.received...)
}

func accept(int) (ptraceotlp.ExportResponse, error) { return ptraceotlp.NewExportResponse(), nil }

// listenGRPC starts the server and returns the endpoint that leads to it.
func listenGRPC(t *testing.T, s *server) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g, s)
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return listener.Addr().String()
}

// listenHTTP starts an HTTP server and returns its URL.
func listenHTTP(t *testing.T, handler http.Handler) string {
	h := httptest.NewServer(handler)
	t.Cleanup(h.Close)
	return h.URL
}

// overBoth runs a test with each protocol.
func overBoth(t *testing.T, test func(t *testing.T, listen func(*testing.T, *server) string)) {
	t.Run("grpc", func(t *testing.T) { test(t, listenGRPC) })
	t.Run("http", func(t *testing.T) {
		test(t, func(t *testing.T, s *server) string { return listenHTTP(t, s) })
	})
}

// to is a configuration without encryption, compression over HTTP, and patience.
func to(endpoint string) *Config {
	cfg := createDefaultConfig().(*Config)
	if isURL(endpoint) {
		client := confighttp.NewDefaultClientConfig()
		cfg.grpc, cfg.http = nil, &client
		cfg.http.Endpoint = endpoint
	} else {
		cfg.grpc.Endpoint = endpoint
		cfg.grpc.TLS.Insecure = true
	}
	cfg.RetryConfig.InitialInterval = time.Millisecond
	return cfg
}

// started is an exporter that runs until the test ends.
type started struct {
	exporter.Traces
	telemetry *componenttest.Telemetry
}

func start(t *testing.T, cfg *Config) started {
	t.Helper()
	return startWith(t, cfg, zap.NewNop())
}

func startWith(t *testing.T, cfg *Config, logger *zap.Logger) started {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	set := exportertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	set.Logger = logger
	e, err := NewFactory().CreateTraces(t.Context(), set, cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
	return started{e, telemetry}
}

func none() configoptional.Optional[exporterhelper.QueueBatchConfig] {
	return configoptional.None[exporterhelper.QueueBatchConfig]()
}

func points(value int64) []metricdata.DataPoint[int64] {
	return []metricdata.DataPoint[int64]{{Value: value}}
}
