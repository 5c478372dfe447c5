package span

import "strings"

// openInference are the conventions of Arize, in all their libraries. They have no
// kind for workflows, give hand-offs the kind of tools, write all spans INTERNAL,
// and never error.type.
var openInference = dialect{
	name:       "openinference",
	namespaces: []string{"openinference.", "llm."},
	fields: []field{
		{"openinference.span.kind", openinferenceKind, 0},
		{"llm.provider", provider, 2},
		{"llm.system", provider, 3},
		{"llm.model_name", requestModel, 2},
		{"embedding.model_name", requestModel, 2},
		{"llm.finish_reason", finishReasons, 1},
		{"llm.token_count.prompt", inputTokens, 2},
		{"llm.token_count.completion", outputTokens, 2},
		{"llm.token_count.prompt_details.cache_read", cacheReadTokens, 4},
		{"llm.token_count.prompt_details.cache_write", cacheWriteTokens, 4},
		{"llm.token_count.completion_details.reasoning", reasoningTokens, 4},
		{"llm.token_count.total", totalTokens, 2},
		{"llm.cost.total", cost, 2},
		{"agent.name", agentName, 1},
		{"graph.node.id", agentNode, 0},
		{"session.id", conversation, 1},
		{"metadata", openinferenceMetadata, 0},
		{"tool.name", toolName, 1},
		{"tool.id", toolCallID, 2},
		{"tool_call.id", toolCallID, 2},
		{"input.value", toolArguments, 5},
	},
	triggers: []slot{openinferenceKind},
	content: []string{
		"input.value", "output.value", "llm.input_messages*", "llm.output_messages*", "llm.prompts*", "llm.choices*",
		"llm.prompt_template.*", "llm.tools*", "llm.function_call", "tool.parameters", "tool.json_schema", "tool.description",
		"tool_call.function.arguments", "embedding.embeddings*", "embedding.text*", "retrieval.documents*",
		"reranker.input_documents*", "reranker.output_documents*", "reranker.query", "message.content*",
		"llm.invocation_parameters", // for the OpenAI Agents SDK it is the whole answer
	},
	classify: classifyOpenInference,
}

func classifyOpenInference(s *Span, m *Meaning) bool {
	switch s.text(openinferenceKind) {
	case "LLM":
		m.Type = Inference
		m.Operation = inferenceOperation(s.text(operation))
	case "EMBEDDING":
		m.Type, m.Operation = Inference, "embeddings"
	case "AGENT":
		if s.ParentID == (ID{}) && !s.has(agentNode) && !s.has(agentName) && strings.Contains(s.Scope, "openai") {
			// The root of the OpenAI Agents SDK's instrumentations is the trace that the user
			// named; its agents are nodes of a graph.
			m.Type, m.Workflow = Workflow, s.Name
			return true
		}
		m.Type = Agent
		m.Agent = s.text(agentName)
		fill(&m.Agent, s.text(agentNode))
		fill(&m.Agent, s.openInferenceName())
	case "TOOL":
		if strings.HasPrefix(s.Name, "handoff to ") || strings.HasPrefix(s.text(toolName), "handoff_to_") {
			m.Type = Task // nothing is run: the turn passes to another agent
			return true
		}
		m.Type, m.Tool = Tool, s.text(toolName)
		fill(&m.Tool, s.openInferenceName())
	case "CHAIN":
		s.openInferenceChain(m)
	default:
		m.Type = Task // RETRIEVER, RERANKER, GUARDRAIL, EVALUATOR, PROMPT, UNKNOWN
	}
	if metadata := s.text(openinferenceMetadata); metadata != "" {
		fill(&m.Agent, textMember(metadata, "lc_agent_name"))
		if !s.has(conversation) {
			m.Conversation = textMember(metadata, "thread_id")
		}
		if m.Type == Inference && !s.has(provider) {
			m.Provider = providerName(textMember(metadata, "ls_provider"))
		}
	}
	return true
}

// openInferenceChain finds among the chains those that are the run as a whole: the
// root, a crew, a runner of the OpenAI Agents SDK; and those that are an agent,
// which LangChain tells by giving agent and chain the same name.
func (s *Span) openInferenceChain(m *Meaning) {
	name, crew := strings.CutSuffix(s.Name, ".kickoff")
	switch {
	case crew:
		if strings.HasPrefix(name, "Crew_") {
			name = "Crew" // the rest is a random number
		}
		m.Type, m.Workflow = Workflow, name
	case s.ParentID == ID{}, s.Name == "Agent workflow":
		m.Type, m.Workflow = Workflow, s.Name
	case s.Name != "" && textMember(s.text(openinferenceMetadata), "lc_agent_name") == s.Name:
		m.Type, m.Agent = Agent, s.Name
	default:
		m.Type = Task
	}
}

// openInferenceName is the name of the span without the method that CrewAI's and
// others' instrumentations put behind it.
func (s *Span) openInferenceName() string {
	for _, suffix := range [...]string{".run", "._run", "._execute_core", ".execute_task", ".invoke"} {
		if name, ok := strings.CutSuffix(s.Name, suffix); ok {
			return name
		}
	}
	return s.Name
}
