package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// JaegerServer is a Jaeger. Its Endpoint tells its health.
type JaegerServer struct {
	*Server
	// OTLP is where it takes traces over gRPC, and OTLPHTTP where over HTTP, both as
	// "127.0.0.1:port".
	OTLP, OTLPHTTP string
	// Query is where it answers questions over HTTP.
	Query string
}

// JaegerSettings say what a Jaeger does beyond the usual. The zero value is one
// that takes traces unencrypted and keeps them in memory, and so loses them when it
// is stopped.
type JaegerSettings struct {
	// OnDisk has it keep traces in Badger, in its folder.
	OnDisk bool
	// CertFile and KeyFile have it take traces over TLS only.
	CertFile, KeyFile string
	// ClientCAFile has it take them only from clients that this authority vouches for.
	ClientCAFile string
}

// Jaeger starts the Jaeger that "make peers" builds.
func Jaeger(t T) *JaegerServer {
	t.Helper()
	return JaegerWith(t, JaegerSettings{})
}

// JaegerWith starts a Jaeger with these settings.
func JaegerWith(t T, settings JaegerSettings) *JaegerServer {
	t.Helper()
	j := &JaegerServer{OTLP: FreeEndpoint(t), OTLPHTTP: FreeEndpoint(t), Query: FreeEndpoint(t)}
	j.Server = Start(t, Command{
		Path: filepath.Join(Root(t), "bin", "peers", "jaeger"),
		Args: func(dir string, port int) []string {
			file := filepath.Join(dir, "jaeger.yaml")
			text := fmt.Sprintf(jaegerConfiguration, port, settings.backend(dir), j.Query, FreeEndpoint(t),
				j.OTLP, settings.tls(), j.OTLPHTTP, settings.tls())
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

func (s JaegerSettings) backend(dir string) string {
	if !s.OnDisk {
		return "{memory: {max_traces: 100000}}"
	}
	data := filepath.Join(dir, "badger")
	return fmt.Sprintf("{badger: {ephemeral: false, consistency: true, directories: {keys: %q, values: %q}, ttl: {spans: 720h}}}", data, data)
}

func (s JaegerSettings) tls() string {
	if s.CertFile == "" {
		return ""
	}
	return fmt.Sprintf(", tls: {cert_file: %q, key_file: %q, client_ca_file: %q}", s.CertFile, s.KeyFile, s.ClientCAFile)
}

const jaegerConfiguration = `
service:
  extensions: [jaeger_storage, jaeger_query, healthcheckv2]
  pipelines:
    traces: {receivers: [otlp], exporters: [jaeger_storage_exporter]}
  telemetry: {metrics: {level: none}}
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "127.0.0.1:%d"}}
  jaeger_storage: {backends: {store: %s}}
  jaeger_query: {storage: {traces: store}, http: {endpoint: "%s"}, grpc: {endpoint: "%s"}}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "%s"%s}
      http: {endpoint: "%s"%s}
exporters:
  jaeger_storage_exporter: {trace_storage: store}
`
