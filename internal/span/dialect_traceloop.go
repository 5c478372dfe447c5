package span

import "strings"

// traceloop is OpenLLMetry, for Python and Node. Its word for the type comes before
// gen_ai.operation.name, because its workflows say invoke_agent there, and its
// names end in the type.
var traceloop = dialect{
	name:       "traceloop",
	namespaces: []string{"traceloop."},
	scopes:     []string{"opentelemetry.instrumentation.crewai", "opentelemetry.instrumentation.openai_agents"},
	fields: []field{
		{"traceloop.span.kind", traceloopKind, 0},
		{"traceloop.entity.name", traceloopEntity, 0},
		{"traceloop.entity.input", toolArguments, 6},
		{"traceloop.entity.output", traceloopOutput, 0},
		{"traceloop.workflow.name", workflowName, 2},
		{"traceloop.association.properties.session_id", conversation, 3},
		{"traceloop.association.properties.thread_id", conversation, 4},
		{"gen_ai.task.status", taskStatus, 0},
		{"llm.request.type", requestType, 0},
		{"llm.request.model", requestModel, 1},
		{"llm.response.model", responseModel, 1},
		{"llm.usage.prompt_tokens", inputTokens, 4},
		{"llm.usage.completion_tokens", outputTokens, 4},
		{"llm.usage.total_tokens", totalTokens, 4},
		{"gen_ai.usage.cache_creation_input_tokens", cacheWriteTokens, 2},
		{"gen_ai.usage.cache_read_input_tokens", cacheReadTokens, 1},
		{"gen_ai.usage.reasoning_tokens", reasoningTokens, 1},
		{"llm.usage.reasoning_tokens", reasoningTokens, 3},
	},
	triggers: []slot{traceloopKind, requestType},
	content: []string{
		"traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template*", "traceloop.prompt.template_variables*",
		"gen_ai.prompt.*", "gen_ai.completion.*", "llm.prompts*", "llm.completions*", "llm.request.functions.*",
		"llm.content.completion.chunk",
	},
	classify: classifyTraceloop,
}

func classifyTraceloop(s *Span, m *Meaning) bool {
	switch s.text(traceloopKind) {
	case "workflow":
		m.Workflow = s.text(workflowName)
		fill(&m.Workflow, s.text(traceloopEntity))
		fill(&m.Workflow, strings.TrimSuffix(s.Name, ".workflow"))
		if runnable(m.Workflow) {
			// The steps of a LangChain chain are told as workflows too.
			m.Type, m.Workflow = Task, ""
			return true
		}
		m.Type = Workflow
		return true
	case "agent":
		m.Type = Agent
		m.Agent = s.text(agentName)
		fill(&m.Agent, s.text(traceloopEntity))
		fill(&m.Agent, strings.TrimSuffix(s.Name, ".agent"))
		return true
	case "tool":
		m.Type = Tool
		s.traceloopTool(m)
		return true
	case "task":
		if s.text(operation) == "execute_tool" {
			m.Type = Tool
			s.traceloopTool(m)
			return true
		}
		if operationTypes[s.text(operation)] == Inference {
			return false
		}
		m.Type = Task
		return true
	}
	switch {
	case s.Name == "crewai.workflow":
		m.Type = Workflow
		return true
	case strings.HasPrefix(s.Scope, "opentelemetry.instrumentation.crewai"):
		// {role}.agent and {text of the task}.task both say invoke_agent.
		if name, ok := strings.CutSuffix(s.Name, ".agent"); ok {
			m.Type, m.Agent = Agent, name
			return true
		}
		if strings.HasSuffix(s.Name, ".task") {
			m.Type = Task
			return true
		}
	case strings.HasSuffix(s.Name, ".handoff"):
		m.Type = Task
		return true
	}
	if s.has(operation) {
		return false
	}
	switch s.text(requestType) {
	case "chat":
		m.Type, m.Operation = Inference, "chat"
	case "completion":
		m.Type, m.Operation = Inference, "text_completion"
	case "embedding":
		m.Type, m.Operation = Inference, "embeddings"
	case "rerank":
		m.Type = Task
	default:
		return false
	}
	return true
}

// traceloopTool names the tool. The instrumentation of LangChain for Node calls it
// by the class of its wrapper; what the tool is called stands in the message that
// it answered with, which LangChain writes as {"kwargs": {"name": …}}.
func (s *Span) traceloopTool(m *Meaning) {
	m.Tool = s.text(toolName)
	entity := s.text(traceloopEntity)
	if !langChainToolClass(entity) {
		fill(&m.Tool, entity)
	}
	if m.Tool == "" || m.ToolCallID == "" {
		if message, ok := member(s.text(traceloopOutput), "kwargs"); ok {
			fill(&m.Tool, textMember(message, "name"))
			fill(&m.ToolCallID, textMember(message, "tool_call_id"))
			m.Failed = textMember(message, "status") == "error"
		}
	}
	fill(&m.Tool, entity)
	fill(&m.Tool, strings.TrimSuffix(s.Name, ".tool"))
}

func langChainToolClass(name string) bool {
	switch name {
	case "DynamicStructuredTool", "DynamicTool", "StructuredTool", "Tool", "BaseTool":
		return true
	}
	return false
}

// runnable knows the classes that LangChain makes chains of.
func runnable(name string) bool {
	return strings.HasPrefix(name, "Runnable") || name == "ChannelWrite" || name == "ChatPromptTemplate" ||
		name == "PromptTemplate" || strings.HasSuffix(name, "OutputParser")
}
