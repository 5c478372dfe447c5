package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// JaegerServer is a Jaeger that keeps its traces in memory, and so loses them when
// it is stopped. Endpoint tells its health.
type JaegerServer struct {
	*Server
	// OTLP is where it takes traces over gRPC.
	OTLP string
	// Query is where it answers questions over HTTP.
	Query string
}

// Jaeger starts the Jaeger that "make peers" builds.
func Jaeger(t testing.TB) *JaegerServer {
	t.Helper()
	j := &JaegerServer{OTLP: FreeEndpoint(t), Query: FreeEndpoint(t)}
	j.Server = Start(t, Command{
		Path: filepath.Join(Root(t), "bin", "peers", "jaeger"),
		Args: func(dir string, port int) []string {
			file := filepath.Join(dir, "jaeger.yaml")
			text := fmt.Sprintf(jaegerConfiguration, port, j.Query, FreeEndpoint(t), j.OTLP)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"--config", file}
		},
		// It would send traces of itself to localhost:4317, and wait at its end until
		// they are there.
		Env:   func(string, int) []string { return []string{"OTEL_TRACES_SAMPLER=always_off"} },
		Ready: func(ctx context.Context, endpoint string) error { return OK(ctx, "http://"+endpoint+"/status") },
	})
	return j
}

const jaegerConfiguration = `
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry: {metrics: {level: none}}
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "127.0.0.1:%d"}}
  jaeger_storage: {backends: {memory: {memory: {max_traces: 100000}}}}
  jaeger_query: {storage: {traces: memory}, http: {endpoint: "%s"}, grpc: {endpoint: "%s"}}
receivers:
  otlp: {protocols: {grpc: {endpoint: "%s"}}}
exporters:
  jaeger_storage_exporter: {trace_storage: memory}
`
