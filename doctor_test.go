package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDoctorLooksAtThePortOfTheCollectorsOwnMetrics(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	with := func(telemetry string) map[string]finding {
		return diagnosed(t, `{receivers: {agent_health: {checks: {a: {system: {}}}}}, exporters: {nop: }, service: {`+telemetry+
			`pipelines: {metrics: {receivers: [agent_health], exporters: [nop]}}}}`)
	}
	const keys = "service::telemetry::metrics::readers::0::pull::exporter::prometheus"
	found := with(`telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ` + port + `}}}}]}}, `)
	require.Equal(t, fail, found[keys].grade)
	require.Contains(t, found[keys].detail, "address already in use: end what listens there, or choose another address")
	found = with(`telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}, `)
	require.Equal(t, finding{fine, keys, "127.0.0.1:0 is free"}, found[keys])

	require.Contains(t, with("")[keys].detail, ":8888", "the default")
	for _, silent := range []string{
		`telemetry: {metrics: {level: none}}, `,
		`telemetry: {metrics: {readers: [{periodic: {exporter: {otlp: {protocol: http/protobuf, endpoint: "http://localhost:1"}}}}]}}, `,
	} {
		require.NotContains(t, with(silent), keys)
	}
}
