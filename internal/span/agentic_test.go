package span

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAgentAttributeKnowsEveryDialect(t *testing.T) {
	for _, key := range []string{
		"gen_ai.operation.name", "gen_ai.system", "mcp.method.name", "traceloop.span.kind",
		"openinference.span.kind", "llm.model_name", "langsmith.span.kind", "genkit:type",
		"mastra.span.type", "ai.operationId", "workflow.id", "crewai.agent.role",
	} {
		require.True(t, AgentAttribute(key), key)
	}
	for _, key := range []string{"", "http.request.method", "error.type", "airline.code", "mcpserver", "db.system.name"} {
		require.False(t, AgentAttribute(key), key)
	}
}

func TestAgentScopeKnowsEmittersWithoutAttributes(t *testing.T) {
	for _, name := range []string{"a2a-python-sdk", "gcp.vertex.agent", "autogen-core", "autogen SingleThreadedAgentRuntime"} {
		require.True(t, AgentScope(name), name)
	}
	for _, name := range []string{"", "otelhttp", "travel-planner"} {
		require.False(t, AgentScope(name), name)
	}
}
