package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnErrorIsOneLineWithoutItsIntroductions(t *testing.T) {
	err := errors.New("failed to get config: decoding failed due to the following error(s):\n\n'receivers' no: decoding failed due to the following error(s):\n\n'x' has invalid keys: a\n'y' has invalid keys: b\n")
	require.Equal(t, "failed to get config: 'receivers' no: 'x' has invalid keys: a; 'y' has invalid keys: b", oneLine(err))
}

func TestTheQuickstartNoticeNamesTheAddressesInUse(t *testing.T) {
	t.Setenv("WATCHKEEPER_PROMETHEUS_ENDPOINT", "localhost:1234")
	require.Contains(t, quickstartNotice(), "curl http://localhost:1234/metrics")
	require.Contains(t, quickstartNotice(), "localhost:4317 (gRPC)")
	for _, name := range []string{
		"${env:WATCHKEEPER_PROMETHEUS_ENDPOINT:-localhost:8889}",
		"${env:WATCHKEEPER_OTLP_GRPC_ENDPOINT:-localhost:4317}",
		"${env:WATCHKEEPER_OTLP_HTTP_ENDPOINT:-localhost:4318}",
	} {
		require.Contains(t, quickstart, name, "the notice and the configuration have the same defaults")
	}
}

func TestOnlyAnInvocationWithoutArgumentsIsTheQuickstart(t *testing.T) {
	var stderr bytes.Buffer
	require.ErrorContains(t, run([]string{"validate"}, &stderr), "at least one config flag must be provided")
	require.Empty(t, stderr.String())
}
