package span

// Attributes gives the meaning as attributes of the newest GenAI and MCP
// conventions, each at most once and in a fixed order, until yield returns false.
// What the span does not tell is left out. The values share the strings of m.
//
// The names are those of the semantic conventions for GenAI after 1.41: cache_write
// instead of cache_creation, gen_ai.provider.name instead of gen_ai.system.
func (m *Meaning) Attributes(yield func(key string, v Value) bool) {
	if m.Type == Other || m.Type == Noise {
		return
	}
	texts := [...]struct{ key, value string }{
		{"gen_ai.operation.name", m.conventionalOperation()},
		{"gen_ai.provider.name", m.Provider},
		{"gen_ai.request.model", m.RequestModel},
		{"gen_ai.response.model", m.ResponseModel},
		{"gen_ai.workflow.name", m.Workflow},
		{"gen_ai.agent.name", m.Agent},
		{"gen_ai.conversation.id", m.Conversation},
		{"gen_ai.tool.name", m.Tool},
		{"gen_ai.tool.call.id", m.ToolCallID},
		{"mcp.method.name", m.MCPMethod},
		{"mcp.session.id", m.MCPSession},
		{"error.type", m.ErrorType},
	}
	for _, t := range texts {
		if t.value != "" && !yield(t.key, StringOf(t.value)) {
			return
		}
	}
	if !m.HasTokens {
		return
	}
	counts := [...]struct {
		key   string
		value int64
		zero  bool // tell it even if it is 0
	}{
		{"gen_ai.usage.input_tokens", m.Tokens.Input, true},
		{"gen_ai.usage.output_tokens", m.Tokens.Output, true},
		{"gen_ai.usage.cache_read.input_tokens", m.Tokens.CacheRead, false},
		{"gen_ai.usage.cache_write.input_tokens", m.Tokens.CacheWrite, false},
		{"gen_ai.usage.reasoning.output_tokens", m.Tokens.Reasoning, false},
	}
	for _, c := range counts {
		if (c.value != 0 || c.zero) && !yield(c.key, IntOf(c.value)) {
			return
		}
	}
}

// conventionalOperation is the operation by the type where the conventions have
// one for it, else what the emitter said.
func (m *Meaning) conventionalOperation() string {
	switch m.Type {
	case Workflow:
		return "invoke_workflow"
	case Agent:
		return "invoke_agent"
	case Tool:
		return "execute_tool"
	case Inference, Task:
		return m.Operation
	case MCPClient, MCPServer:
		if m.MCPMethod == toolsCall {
			return "execute_tool"
		}
	}
	return ""
}
