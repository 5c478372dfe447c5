package span

import "strings"

// crewAI is the anonymous usage telemetry of CrewAI, which older versions let out
// into the provider of the program ("Crew Created", "Task Execution", "Tool
// Usage"). It repeats what instrumentations of CrewAI tell properly.
var crewAI = dialect{
	name:       "crewai",
	namespaces: []string{"crewai."},
	scopes:     []string{"crewai.telemetry"},
	content:    []string{"crewai.task.description", "crewai.task.expected_output", "crewai.agent.backstory", "crewai.agent.goal"},
	classify: func(s *Span, m *Meaning) bool {
		if s.Scope != "crewai.telemetry" {
			return false
		}
		m.Type = Noise
		return true
	},
}

// a2aPython is the A2A SDK for Python. Its spans have no attributes and are named
// after Python functions by their qualified names; those of its queues and
// dispatchers outnumber those of requests.
var a2aPython = dialect{
	name:    "a2a-python",
	scopes:  []string{"a2a-python-sdk"},
	agentic: true,
	classify: func(s *Span, m *Meaning) bool {
		if !strings.HasPrefix(s.Scope, "a2a-python-sdk") {
			return false
		}
		function := s.Name[strings.LastIndexByte(s.Name, '.')+1:]
		switch {
		case strings.HasPrefix(s.Name, "a2a.client."):
			m.Type = A2AClient
		case strings.HasPrefix(s.Name, "a2a.server.request_handlers.") && strings.HasPrefix(function, "on_"):
			m.Type, function = A2AServer, function[len("on_"):]
		}
		m.A2AMethod = a2aPythonMethod(function)
		if m.A2AMethod == "" {
			m.Type = Noise
		}
		return true
	},
}

// a2aPythonMethod is the method of protocol 1.0 behind a function of the SDK: the
// transports of the client and, without on_, the handlers of the server.
func a2aPythonMethod(function string) string {
	switch function {
	case "send_message", "message_send":
		return "SendMessage"
	case "send_message_streaming", "message_send_stream":
		return "SendStreamingMessage"
	case "get_task":
		return "GetTask"
	case "list_tasks":
		return "ListTasks"
	case "cancel_task":
		return "CancelTask"
	case "subscribe", "subscribe_to_task", "resubscribe", "resubscribe_to_task":
		return "SubscribeToTask"
	case "create_task_push_notification_config", "set_task_callback", "set_task_push_notification_config":
		return "CreateTaskPushNotificationConfig"
	case "get_task_push_notification_config", "get_task_callback":
		return "GetTaskPushNotificationConfig"
	case "list_task_push_notification_config", "list_task_push_notification_configs":
		return "ListTaskPushNotificationConfigs"
	case "delete_task_push_notification_config":
		return "DeleteTaskPushNotificationConfig"
	case "get_extended_agent_card", "get_card":
		return "GetExtendedAgentCard"
	}
	return ""
}
