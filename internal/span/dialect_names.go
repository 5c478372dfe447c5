package span

import "strings"

// sdk are the attributes that Watchkeeper's own helpers put on workflows and their
// parts, beside those of the GenAI conventions. They do not make a span anything.
var sdk = dialect{
	name: "sdk",
	fields: []field{
		{"workflow.id", workflowID, 0},
		{"workflow.name", workflowName, 1},
		{"workflow.type", workflowType, 0},
		{"workflow.priority", priority, 0},
		{"workflow.complexity_tier", complexity, 0},
		{"agent.id", agentID, 0},
		{ArgumentsHash, toolArgumentsHash, 0},
	},
}

// names are spans that tell by their name alone what they are.
var names = dialect{
	name:   "names",
	always: true,
	classify: func(s *Span, m *Meaning) bool {
		switch {
		case s.Name == "workflow.run", s.Name == "workflow_invoke":
			m.Type = Workflow
		case s.Name == "Agent Workflow", s.Name == "Agent workflow":
			m.Type, m.Workflow = Workflow, s.Name
		case strings.HasPrefix(s.Name, "invoke_workflow"):
			m.Type, m.Workflow = Workflow, after(s.Name, "invoke_workflow ")
		case strings.HasPrefix(s.Name, "invoke_agent"):
			m.Type, m.Agent = Agent, after(s.Name, "invoke_agent ")
		case strings.HasPrefix(s.Name, "execute_tool "):
			m.Type, m.Tool = Tool, after(s.Name, "execute_tool ")
		default:
			return false
		}
		return true
	},
}

// telling reports whether the name of a span is worth asking about without any
// attribute that somebody knows.
func telling(name string) bool {
	if len(name) < len("workflow.run") {
		return false
	}
	switch name[0] {
	case 'w':
		return name == "workflow.run" || name == "workflow_invoke"
	case 'A':
		return name == "Agent Workflow" || name == "Agent workflow"
	case 'i':
		return strings.HasPrefix(name, "invoke_workflow") || strings.HasPrefix(name, "invoke_agent")
	case 'e':
		return strings.HasPrefix(name, "execute_tool ")
	}
	return false
}
