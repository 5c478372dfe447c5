package peers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrometheusAnswers(t *testing.T) {
	s := Prometheus(t, "global: {scrape_interval: 1s}\n")
	require.NoError(t, OK(t.Context(), "http://"+s.Endpoint+"/api/v1/query?query=1"))
	require.Error(t, OK(t.Context(), "http://"+s.Endpoint+"/api/v1/query?query=("))
}

func TestJaegerAnswers(t *testing.T) {
	s := Jaeger(t)
	require.NoError(t, OK(t.Context(), "http://"+s.Query+"/api/v3/services"))
}
