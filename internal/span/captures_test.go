package span

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestEveryCapturedTraceIsKnownForAnAgents(t *testing.T) {
	files, err := filepath.Glob("../../testdata/otlp/*.json")
	require.NoError(t, err)
	checked := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".logs.json") || strings.HasSuffix(file, ".metrics.json") {
			continue
		}
		checked++
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text)
		require.NoError(t, err)
		agent := make(map[string]bool)
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					id := sp.TraceID().String()
					agent[id] = agent[id] || AgentScope(ss.Scope().Name())
					for key := range sp.Attributes().All() {
						agent[id] = agent[id] || AgentAttribute(key)
					}
				}
			}
		}
		require.NotEmpty(t, agent, file)
		for id, ok := range agent {
			require.True(t, ok, "%s: trace %s", filepath.Base(file), id)
		}
	}
	require.Positive(t, checked)
}
