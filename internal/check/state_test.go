package check

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatesHaveTheNamesThatMetricsUse(t *testing.T) {
	var names []string
	for i, s := range States {
		require.Equal(t, State(i), s)
		names = append(names, s.String())
	}
	require.Equal(t, []string{"unknown", "healthy", "degraded", "unhealthy"}, names)
	require.Equal(t, "unknown", State(200).String())
}
