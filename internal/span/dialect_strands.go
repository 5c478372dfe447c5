package span

import "strings"

// strands are Strands Agents for Python and TypeScript: the GenAI conventions with
// the old names beside the new, loops as cycles, graphs and swarms as operations,
// and the arguments of tools as events. gen_ai.system is the name of the program.
var strands = dialect{
	name:       "strands",
	namespaces: []string{"event_loop.", "agent_loop."},
	scopes:     []string{"strands"},
	fields: []field{
		{"event_loop.cycle_id", strandsCycle, 0},
		{"agent_loop.cycle_id", strandsCycle, 0},
		{"gen_ai.tool.status", toolStatus, 0},
		{"tool.status", toolStatus, 1},
		{"session.id", conversation, 1},
	},
	events: []eventField{
		{"gen_ai.tool.message", "content", toolArguments, 8},
	},
	triggers: []slot{strandsCycle, operation},
	content:  []string{"system_prompt", "gen_ai.agent.system_prompt"},
	classify: func(s *Span, m *Meaning) bool {
		switch s.text(operation) {
		case "invoke_graph", "invoke_swarm":
			m.Type, m.Workflow = Workflow, s.text(agentName)
			return true
		}
		if strings.HasPrefix(s.Name, "execute_event_loop_cycle") || strings.HasPrefix(s.Name, "execute_agent_loop_cycle") {
			m.Type = Task
			return true
		}
		return false
	},
}
