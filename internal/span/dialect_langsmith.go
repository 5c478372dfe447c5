package span

// langSmith is the OTLP export of LangSmith: the type of a run, by its own word,
// and sometimes that same word as the name of the operation.
var langSmith = dialect{
	name:       "langsmith",
	namespaces: []string{"langsmith."},
	scopes:     []string{"langsmith"},
	fields: []field{
		{"langsmith.span.kind", langsmithKind, 0},
		{"langsmith.trace.session_id", conversation, 9},
		{"langsmith.metadata.session_id", conversation, 9},
		{"langsmith.metadata.thread_id", conversation, 10},
		{"langsmith.metadata.conversation_id", conversation, 11},
	},
	triggers: []slot{langsmithKind},
	content:  []string{"gen_ai.prompt", "gen_ai.completion", "langsmith.inputs*", "langsmith.outputs*"},
	classify: func(s *Span, m *Meaning) bool {
		switch s.text(langsmithKind) {
		case "llm":
			m.Type = Inference
			m.Operation = inferenceOperation(s.text(operation))
		case "embedding":
			m.Type, m.Operation = Inference, "embeddings"
		case "tool":
			m.Type, m.Operation = Tool, "execute_tool"
			m.Tool = s.text(toolName)
			fill(&m.Tool, s.Name)
		case "agent":
			m.Type, m.Agent = Agent, s.text(agentName)
			fill(&m.Agent, s.Name)
		case "chain":
			switch {
			case operationTypes[s.text(operation)] == Agent:
				m.Type, m.Agent = Agent, s.text(agentName)
				fill(&m.Agent, s.Name)
			case s.ParentID == ID{}:
				m.Type, m.Operation, m.Workflow = Workflow, "invoke_workflow", s.text(workflowName)
				fill(&m.Workflow, s.Name)
			default:
				m.Type = Task
			}
		default:
			m.Type = Task // retriever, prompt, parser
		}
		return true
	},
}

// inferenceOperation is the operation if it is one of a model call.
func inferenceOperation(op string) string {
	if operationTypes[op] == Inference {
		return op
	}
	return "chat"
}
