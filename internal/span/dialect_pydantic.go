package span

import "strings"

// pydanticAI is Pydantic AI: the GenAI conventions today, names like "agent run"
// and "running tool" before. The tokens of its agents are aggregated under keys of
// their own, which nothing reads.
var pydanticAI = dialect{
	name:       "pydantic-ai",
	namespaces: []string{"pydantic_ai."},
	scopes:     []string{"pydantic-ai"},
	fields: []field{
		{"agent_name", agentName, 2},
		{"tool_arguments", toolArguments, 2},
		{"operation.cost", cost, 0},
		{"gen_ai.usage.details.cache_read_tokens", cacheReadTokens, 3},
		{"gen_ai.usage.details.cache_write_tokens", cacheWriteTokens, 4},
		{"gen_ai.usage.details.reasoning_tokens", reasoningTokens, 2},
	},
	content: []string{
		"all_messages_events", "pydantic_ai.all_messages", "final_result", "tool_arguments", "tool_response", "events",
		"model_request_parameters", "pydantic_ai.*",
	},
	classify: func(s *Span, m *Meaning) bool {
		if s.has(operation) {
			return false
		}
		switch {
		case s.Name == "agent run", strings.HasSuffix(s.Name, " run") && s.has(agentName) && !s.has(toolName):
			m.Type = Agent
		case s.Name == "running tool", strings.HasPrefix(s.Name, "running tool: "):
			m.Type = Tool
			m.Tool = s.text(toolName)
			fill(&m.Tool, after(s.Name, "running tool: "))
		case strings.HasPrefix(s.Name, "running "): // "running 2 tools", "running output function"
			m.Type = Task
		default:
			return false
		}
		return true
	},
}

// openLIT is OpenLIT, which follows the GenAI conventions for all but MCP and adds
// the cost of a call.
var openLIT = dialect{
	name:   "openlit",
	scopes: []string{"openlit"},
	fields: []field{
		{"gen_ai.usage.cost", cost, 1},
		{"gen_ai.usage.cache_creation_tokens", cacheWriteTokens, 3},
		{"gen_ai.usage.cache_read_tokens", cacheReadTokens, 2},
	},
	content: []string{"gen_ai.content.*", "gen_ai.agent.instructions", "gen_ai.agent.goal", "gen_ai.agent.backstory"},
}
