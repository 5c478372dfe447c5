package main

import (
	"context"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/confmap"
)

func guard(receivers, exporters map[string]any) error {
	return newLoopGuard(confmap.ConverterSettings{}).Convert(context.Background(), confmap.NewFromStringMap(map[string]any{
		"receivers": receivers, "exporters": exporters,
	}))
}

func otlpOn(protocol string, endpoint any) map[string]any {
	settings := map[string]any{}
	if endpoint != nil {
		settings["endpoint"] = endpoint
	}
	return map[string]any{"otlp": map[string]any{"protocols": map[string]any{protocol: settings}}}
}

func jaegerTo(endpoint string) map[string]any {
	return map[string]any{"jaeger/far": map[string]any{"endpoint": endpoint}}
}

func TestTracesThatWouldComeBackAreRefused(t *testing.T) {
	own, err := os.Hostname()
	require.NoError(t, err)
	for _, c := range []struct {
		protocol string
		receiver any
		exporter string
	}{
		{"grpc", nil, "localhost:4317"},
		{"grpc", "localhost:4317", "127.0.0.1:4317"},
		{"grpc", "0.0.0.0:4317", "http://localhost:4317"},
		{"grpc", "[::]:4317", "[::1]:4317"},
		{"grpc", ":4317", "LOCALHOST:4317"},
		{"grpc", ":4317", ":4317"},
		{"grpc", ":4317", own + ":4317"},
		{"grpc", "10.1.2.3:4317", "10.1.2.3:4317"},
		{"grpc", "127.0.0.1:55555", "dns:///localhost:55555"},
		{"grpc", "127.0.0.1:55555", "dns:localhost:55555"},
		{"grpc", "127.0.0.1:55555", "dns://8.8.8.8/localhost:55555"},
		{"grpc", "127.0.0.1:55555", "passthrough:///localhost:55555"},
		{"grpc", "node.example:443", "node.example:443"},
		{"grpc", "/run/otlp.sock", "unix:///run/otlp.sock"},
		{"grpc", "unix:/run/otlp.sock", "unix:/run/otlp.sock"},

		{"http", nil, "http://localhost:4318"},
		{"http", nil, "http://localhost:4318/"},
		{"http", nil, "http://localhost:4318/v1/traces"},
		{"http", nil, "http://localhost:4318/any/path"},
		{"http", nil, "HTTP://LOCALHOST:4318"},
		{"http", nil, "https://localhost:4318"},
		{"http", nil, "http://localhost.:4318"},
		{"http", nil, "http://jaeger.localhost:4318"},
		{"http", nil, "http://127.0.0.1:4318"},
		{"http", nil, "http://127.8.8.8:4318"},
		{"http", nil, "http://[::1]:4318"},
		{"http", nil, "http://[::1%25lo]:4318"},
		{"http", nil, "http://[::ffff:127.0.0.1]:4318"},
		{"http", nil, "http://[0:0:0:0:0:0:0:1]:4318"},
		{"http", nil, "http://0.0.0.0:4318"},
		{"http", nil, "http://[::]:4318"},
		{"http", nil, "http://user@localhost:4318"},
		{"http", nil, "localhost:4318"},
		{"http", "0.0.0.0:4318", "http://localhost:4318"},
		{"http", "0.0.0.0:4318", "http://" + own + ":4318"},
		{"http", "[::]:4318", "http://127.0.0.1:4318"},
		{"http", "0.0.0.0:80", "http://localhost"},
		{"http", "0.0.0.0:443", "https://localhost/below"},
		{"http", "node.example:4318", "http://Node.Example:4318"},
	} {
		require.Error(t, guard(otlpOn(c.protocol, c.receiver), jaegerTo(c.exporter)), "%v <- %s", c.receiver, c.exporter)
	}
}

func TestTheAddressOfAnInterfaceIsUsWhenWeListenOnAll(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	require.NotEmpty(t, addresses)
	for _, a := range addresses {
		target := "http://" + net.JoinHostPort(a.(*net.IPNet).IP.String(), "4318")
		require.Error(t, guard(otlpOn("http", "0.0.0.0:4318"), jaegerTo(target)), target)
	}
	require.NoError(t, guard(otlpOn("http", "0.0.0.0:4318"), jaegerTo("http://192.0.2.1:4318")))
}

func TestARefusalSaysWhoLeadsWhere(t *testing.T) {
	require.EqualError(t, guard(otlpOn("grpc", nil), jaegerTo("localhost:4317")),
		`exporters::jaeger/far::endpoint: "localhost:4317" leads back to receivers::otlp of this collector, which listens on "localhost:4317": name the address of Jaeger`)
	require.EqualError(t, guard(otlpOn("http", nil), jaegerTo("http://user:s3cr3t@[::1]:4318/v1")),
		`exporters::jaeger/far::endpoint: "http://[::1]:4318/v1" leads back to receivers::otlp of this collector, which listens on "localhost:4318": name the address of Jaeger`)
}

func TestAnotherJaegerIsNotTakenForUs(t *testing.T) {
	for _, c := range []struct {
		protocol string
		receiver any
		exporter string
	}{
		{"grpc", nil, "localhost:14317"},
		{"grpc", nil, "localhost:4318"},
		{"grpc", "localhost:4317", "jaeger.example:4317"},
		{"grpc", "10.1.2.3:4317", "localhost:4317"},
		{"grpc", "10.1.2.3:4317", "0.0.0.0:4317"},
		{"grpc", "0.0.0.0:4317", "unix:///run/jaeger.sock"},
		{"grpc", "/run/otlp.sock", "unix:///run/jaeger.sock"},
		{"grpc", "localhost:4317", "dns:///jaeger.example:4317"},
		{"http", nil, "http://localhost:14318"},
		{"http", nil, "http://localhost:4317"},
		{"http", nil, "http://jaeger.example:4318"},
		{"http", nil, "http://localhost"},
		{"http", nil, "https://localhost"},
		{"http", "0.0.0.0:4318", "http://notlocalhost:4318"},
		{"http", "10.1.2.3:4318", "http://127.0.0.1:4318"},
		{"http", nil, "http://%zz:4318"},
	} {
		require.NoError(t, guard(otlpOn(c.protocol, c.receiver), jaegerTo(c.exporter)), "%v <- %s", c.receiver, c.exporter)
	}
	onlyHTTP := map[string]any{"otlp": map[string]any{"protocols": map[string]any{"http": nil}}}
	require.NoError(t, guard(onlyHTTP, jaegerTo("localhost:4317")))
	require.Error(t, guard(onlyHTTP, jaegerTo("http://localhost:4318")))
	require.NoError(t, guard(nil, nil))
	require.NoError(t, guard(map[string]any{"otlp": nil}, map[string]any{"jaeger": nil}))
}
