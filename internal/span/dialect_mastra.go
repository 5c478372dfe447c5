package span

// mastra is Mastra, which sends operation names of the GenAI conventions where
// there are some and its own type of span beside them. A model_generation is the
// loop of steps around the calls; before steps were told it was the call itself.
var mastra = dialect{
	name:       "mastra",
	namespaces: []string{"mastra."},
	fields: []field{
		{"mastra.span.type", mastraType, 0},
		{"mastra.metadata.runId", workflowID, 5},
		{"mastra.metadata.threadId", conversation, 8},
		{"mastra.metadata.toolName", toolName, 4},
		{"mastra.metadata.toolCallId", toolCallID, 3},
	},
	triggers: []slot{mastraType},
	content: []string{
		"mastra.agent_run.*", "mastra.workflow_run.*", "mastra.workflow_step.*", "mastra.workflow_conditional.*",
		"mastra.model_generation.*", "mastra.llm_generation.*", "mastra.model_step.*", "mastra.model_inference.*",
		"mastra.model_chunk.*", "mastra.llm_chunk.*", "mastra.tool_call.*", "mastra.mcp_tool_call.*", "mastra.processor_run.*",
		"mastra.memory_operation.*", "mastra.rag_*", "mastra.scorer_*", "mastra.generic.*", "mastra.metadata.body",
		"mastra.metadata.headers",
	},
	classify: func(s *Span, m *Meaning) bool {
		switch s.text(mastraType) {
		case "workflow_run":
			m.Type, m.Workflow = Workflow, s.text(workflowName)
			fill(&m.Workflow, after(s.Name, "invoke_workflow "))
			fill(&m.Workflow, s.Name)
		case "agent_run":
			m.Type, m.Agent = Agent, s.text(agentName)
			fill(&m.Agent, after(s.Name, "invoke_agent "))
		case "model_generation", "llm_generation":
			m.Type, m.Operation, m.Wrapper = Inference, "chat", true
			m.RequestModel = s.text(requestModel)
			fill(&m.RequestModel, after(s.Name, "model_generation "))
		case "model_inference":
			m.Type = Inference
		case "rag_embedding":
			m.Type, m.Operation = Inference, "embeddings"
		case "tool_call", "mcp_tool_call", "client_tool_call":
			m.Type, m.Tool = Tool, s.text(toolName)
			fill(&m.Tool, after(s.Name, "execute_tool "))
		case "model_chunk", "llm_chunk":
			m.Type = Noise
		default:
			m.Type = Task // model_step, workflow_step, processor_run, memory_operation, …
		}
		return true
	},
}
