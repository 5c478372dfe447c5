package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/confmap"
)

func guard(receivers, exporters map[string]any) error {
	return newLoopGuard(confmap.ConverterSettings{}).Convert(context.Background(), confmap.NewFromStringMap(map[string]any{
		"receivers": receivers, "exporters": exporters,
	}))
}

func otlpOn(endpoint any) map[string]any {
	grpc := map[string]any{}
	if endpoint != nil {
		grpc["endpoint"] = endpoint
	}
	return map[string]any{"otlp": map[string]any{"protocols": map[string]any{"grpc": grpc}}}
}

func jaegerTo(endpoint string) map[string]any {
	return map[string]any{"jaeger/far": map[string]any{"endpoint": endpoint}}
}

func TestTracesThatWouldComeBackAreRefused(t *testing.T) {
	for receiver, exporter := range map[any]string{
		nil:                "localhost:4317",
		"localhost:4317":   "127.0.0.1:4317",
		"0.0.0.0:4317":     "http://localhost:4317",
		"[::]:4317":        "[::1]:4317",
		":4317":            "LOCALHOST:4317",
		"10.1.2.3:4317":    "10.1.2.3:4317",
		"127.0.0.1:55555":  "dns:///localhost:55555",
		"node.example:443": "node.example:443",
	} {
		require.Error(t, guard(otlpOn(receiver), jaegerTo(exporter)), "%v <- %s", receiver, exporter)
	}
	require.EqualError(t, guard(otlpOn(nil), jaegerTo("localhost:4317")),
		`exporters::jaeger/far::endpoint: "localhost:4317" leads back to receivers::otlp of this collector, which listens on "localhost:4317": name the address of Jaeger`)
}

func TestAnotherJaegerIsNotTakenForUs(t *testing.T) {
	for receiver, exporter := range map[any]string{
		nil:              "localhost:14317",
		"localhost:4317": "jaeger.example:4317",
		"10.1.2.3:4317":  "localhost:4317",
		"0.0.0.0:4317":   "unix:///run/jaeger.sock",
	} {
		require.NoError(t, guard(otlpOn(receiver), jaegerTo(exporter)), "%v <- %s", receiver, exporter)
	}
	onlyHTTP := map[string]any{"otlp": map[string]any{"protocols": map[string]any{"http": nil}}}
	require.NoError(t, guard(onlyHTTP, jaegerTo("localhost:4317")))
	require.NoError(t, guard(nil, nil))
	require.NoError(t, guard(map[string]any{"otlp": nil}, map[string]any{"jaeger": nil}))
}
