package span

import "strings"

// otel are the OpenTelemetry GenAI conventions from 1.26 to the newest, with the
// names that they had before.
var otel = dialect{
	name:       "otel",
	namespaces: []string{"gen_ai."},
	fields: []field{
		{"gen_ai.operation.name", operation, 0},
		{"gen_ai.provider.name", provider, 0},
		{"gen_ai.system", provider, 1},
		{"gen_ai.request.model", requestModel, 0},
		{"gen_ai.response.model", responseModel, 0},
		{"gen_ai.response.finish_reasons", finishReasons, 0},
		{"gen_ai.usage.input_tokens", inputTokens, 0},
		{"gen_ai.usage.prompt_tokens", inputTokens, 1},
		{"gen_ai.usage.output_tokens", outputTokens, 0},
		{"gen_ai.usage.completion_tokens", outputTokens, 1},
		{"gen_ai.usage.cache_read.input_tokens", cacheReadTokens, 0},
		{"gen_ai.usage.cache_write.input_tokens", cacheWriteTokens, 0},
		{"gen_ai.usage.cache_creation.input_tokens", cacheWriteTokens, 1},
		{"gen_ai.usage.reasoning.output_tokens", reasoningTokens, 0},
		{"gen_ai.usage.total_tokens", totalTokens, 0},
		{"gen_ai.agent.name", agentName, 0},
		{"gen_ai.agent.id", agentID, 1},
		{"gen_ai.workflow.name", workflowName, 0},
		{"gen_ai.conversation.id", conversation, 0},
		{"gen_ai.tool.name", toolName, 0},
		{"gen_ai.tool.call.id", toolCallID, 0},
		{"gen_ai.tool.call.arguments", toolArguments, 0},
	},
	triggers: []slot{operation, requestModel},
	content: []string{
		"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions",
		"gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text",
		"gen_ai.memory.query*", "gen_ai.memory.records", "gen_ai.memory.content", "gen_ai.evaluation.explanation",
		"gen_ai.event.content", "gen_ai.request.messages", "gen_ai.response.messages", "gen_ai.request.instructions",
	},
	classify: classifyOTel,
}

// operationTypes are the values of gen_ai.operation.name, conventional and not.
// What is not here is a step of somebody's.
var operationTypes = map[string]Type{
	"chat":             Inference,
	"generate_content": Inference,
	"text_completion":  Inference,
	"embeddings":       Inference,
	"embedding":        Inference, // OpenLIT

	"invoke_agent": Agent,
	"agent":        Agent, // OpenLIT

	"invoke_workflow":          Workflow,
	"invoke_graph":             Workflow, // Strands
	"invoke_swarm":             Workflow, // Strands
	"handle_conversation_turn": Workflow, // proposed for runners

	"execute_tool": Tool,
}

func classifyOTel(s *Span, m *Meaning) bool {
	op := s.text(operation)
	switch op {
	case "":
		return bareInference(s, m)
	case "unknown":
		return false
	case "embedding":
		m.Operation = "embeddings"
	}
	t, known := operationTypes[op]
	if !known {
		if s.has(openinferenceKind) {
			return false
		}
		m.Type = Task // create_agent, plan, retrieval, memory, fetch_response, handoff, agent_step, …
		return true
	}
	m.Type = t
	switch t {
	case Workflow:
		m.Workflow = s.text(workflowName)
		fill(&m.Workflow, after(s.Name, "invoke_workflow ")) // python-genai 1.0b0 has it nowhere else
	case Agent:
		m.Agent = s.text(agentName)
		fill(&m.Agent, after(s.Name, "invoke_agent "))
	case Tool:
		if s.Kind == KindClient && strings.HasPrefix(s.Name, toolsCall+" ") {
			// Microsoft Agent Framework says execute_tool on the MCP request below the tool too.
			m.Type, m.MCPMethod, m.MCPServer = MCPClient, toolsCall, s.mcpServerName(MCPClient)
		}
		m.Tool = s.text(toolName)
		fill(&m.Tool, after(s.Name, "execute_tool "))
		fill(&m.Tool, after(s.Name, toolsCall+" "))
	}
	return true
}

// bareInference knows the model calls of instrumentations that are older than
// gen_ai.operation.name: a provider, a model, and the sending of a request or its
// usage, on a span that no other dialect has a word for.
func bareInference(s *Span, m *Meaning) bool {
	if !s.has(provider) || s.set.meets(&ownWords) || telling(s.Name) {
		return false
	}
	if s.Kind != KindClient && !s.has(inputTokens) && !s.has(outputTokens) {
		return false
	}
	m.Type = Inference
	if strings.Contains(s.Name, "embed") {
		m.Operation = "embeddings"
	}
	return true
}

var ownWords = slotSet(openinferenceKind, langsmithKind, toolName, mcpMethod, traceloopKind)
