package span

import "strings"

// agentFramework is the Microsoft Agent Framework, for Python and .NET: agents,
// tools and models follow the GenAI conventions, workflows have names and
// attributes of their own, and the edges between executors are plumbing.
var agentFramework = dialect{
	name:       "agent_framework",
	namespaces: []string{"workflow.", "executor.", "edge_group."},
	scopes:     []string{"agent_framework", "Microsoft.Agents.AI", "Experimental.Microsoft.Agents.AI"},
	agentic:    true,
	fields: []field{
		{"workflow.id", workflowID, 0},
		{"workflow.name", workflowName, 1},
	},
	content: []string{"workflow.definition", "message.content", "message.content.*", "executor.input", "executor.output"},
	classify: func(s *Span, m *Meaning) bool {
		switch {
		case s.Name == "workflow.run", s.Name == "workflow_invoke":
			m.Type, m.Operation = Workflow, "invoke_workflow"
		case s.Name == "workflow.session", strings.HasPrefix(s.Name, "executor.process"):
			m.Type = Task
		case strings.HasPrefix(s.Name, "edge_group.process"), s.Name == "message.send", s.Name == "workflow.build":
			m.Type = Noise
		default:
			return false
		}
		return true
	},
}

// autogen is AutoGen 0.7. The messages of its runtime are spans named "autogen
// {verb} {agent}"; what its agents and tools do follows the GenAI conventions.
var autogen = dialect{
	name:    "autogen",
	scopes:  []string{"autogen"},
	agentic: true,
	classify: func(s *Span, m *Meaning) bool {
		if !strings.HasPrefix(s.Name, "autogen ") || s.has(operation) {
			return false
		}
		m.Type = Noise
		return true
	},
}
