// Package span understands the spans that agent frameworks emit.
//
// It takes plain strings rather than pdata, so that it can be tested with
// nothing but a table, and leaves to its callers where the spans come from.
package span

import "strings"

// The attribute namespaces and scopes below are the union of what the
// OpenTelemetry GenAI and MCP conventions define and of what frameworks emit
// beside them. A namespace that programs without agents use too, such as http or
// error, has no place here.
var (
	agentNamespaces = []string{
		"gen_ai.",        // OpenTelemetry GenAI conventions, all frameworks that follow them
		"mcp.",           // OpenTelemetry MCP conventions, MCP SDKs
		"a2a.",           // proposed OpenTelemetry A2A conventions
		"traceloop.",     // OpenLLMetry
		"openinference.", // OpenInference
		"llm.",           // OpenInference, older OpenLLMetry
		"langsmith.",     // LangSmith
		"genkit:",        // Genkit
		"mastra.",        // Mastra
		"ai.",            // Vercel AI SDK 5 and 6
		"workflow.",      // Microsoft Agent Framework and hand-written workflow spans
		"crewai.",        // CrewAI
	}
	agentScopes = []string{
		"a2a-python-sdk",   // its spans carry no attributes
		"agent_framework",  // Microsoft Agent Framework for Python
		"autogen",          // AutoGen, "autogen-core" and "autogen <runtime>"
		"gcp.vertex.agent", // Google ADK, whose root span carries no attributes
		"fastmcp",
		"mcp-python-sdk",
	}
)

// AgentAttribute reports whether a span that has an attribute of this key was
// emitted on behalf of an agent, a model, a tool or an MCP or A2A peer.
func AgentAttribute(key string) bool { return hasPrefix(key, agentNamespaces) }

// AgentScope reports whether the instrumentation scope of this name emits spans
// on behalf of agents only, attributes or not.
func AgentScope(name string) bool { return hasPrefix(name, agentScopes) }

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
