package span

// adk is the Google Agent Development Kit. Its schema 1 has a root without
// attributes; schema 2 tells workflows by the conventions. Both tell each model
// call twice, as call_llm and as a generate_content below it, and parallel tool
// calls once more as a merged one.
var adk = dialect{
	name:       "adk",
	namespaces: []string{"gcp.vertex.agent."},
	scopes:     []string{"gcp.vertex.agent"},
	agentic:    true,
	fields: []field{
		{"gen_ai.workflow.nested", workflowNested, 0},
		{"gcp.vertex.agent.invocation_id", workflowID, 4},
		{"gcp.vertex.agent.session_id", conversation, 2},
		{"gcp.vertex.agent.tool_call_args", toolArguments, 3},
	},
	triggers: []slot{workflowNested},
	content: []string{
		"gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_call_args",
		"gcp.vertex.agent.tool_response", "gcp.vertex.agent.data", "gcp.vertex.agent.event",
	},
	classify: func(s *Span, m *Meaning) bool {
		if nested, _ := s.values[workflowNested].value.Bool(); nested {
			m.Type = Task // a part of the workflow above
			return true
		}
		switch {
		case s.Name == "invocation":
			m.Type = Workflow
		case s.Name == "call_llm":
			m.Type, m.Operation, m.Wrapper = Inference, "generate_content", true
		case s.Name == "execute_tool (merged)", s.text(toolName) == "(merged tools)":
			m.Type = Noise
		case after(s.Name, "agent_run [") != "": // before 1.16
			m.Type = Agent
			m.Agent = s.text(agentName)
			name := after(s.Name, "agent_run [")
			fill(&m.Agent, name[:len(name)-1])
		case after(s.Name, "invoke_node ") != "":
			m.Type = Task
		case s.Name == "send_data":
			m.Type = Noise
		default:
			return false
		}
		return true
	},
}
