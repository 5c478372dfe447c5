package span

import "strings"

// a2a are the conventions proposed for A2A and the spans of the SDK for Java.
var a2a = dialect{
	name:       "a2a",
	namespaces: []string{"a2a."},
	fields: []field{
		{"a2a.method.name", a2aMethod, 0},
		{"a2a.task.id", a2aTask, 0},
		{"a2a.task.state", a2aState, 0},
		{"gen_ai.agent.a2a.operation.name", a2aMethod, 1},
		{"gen_ai.agent.a2a.task_id", a2aTask, 1},
		{"gen_ai.agent.a2a.status", a2aState, 1},
		{"gen_ai.agent.a2a.context_id", conversation, 2},
	},
	triggers: []slot{a2aMethod},
	content: []string{
		"gen_ai.agent.a2a.request", "gen_ai.agent.a2a.response", "a2a.message.parts*", "a2a.message.content",
		"a2a.task.artifacts*", "a2a.request.body", "a2a.response.body",
	},
	classify: func(s *Span, m *Meaning) bool {
		m.Type = A2AClient
		if s.Kind == KindServer || s.Kind == KindConsumer {
			m.Type = A2AServer
		}
		m.A2AMethod = conventionalA2AMethod(s.text(a2aMethod))
		m.A2ATask, m.A2AState = s.text(a2aTask), conventionalA2AState(s.text(a2aState))
		if m.Type == A2AClient {
			// On the spans of a client, the agent is the one that the card describes.
			m.A2APeer = s.text(agentName)
			fill(&m.A2APeer, s.text(peerService))
			fill(&m.A2APeer, s.text(peerAddress))
			m.Peer = m.A2APeer
		}
		return true
	},
}

// conventionalA2AMethod turns the methods of protocol 0.3 into those of 1.0.
func conventionalA2AMethod(method string) string {
	switch method {
	case "message/send":
		return "SendMessage"
	case "message/stream":
		return "SendStreamingMessage"
	case "tasks/get":
		return "GetTask"
	case "tasks/list":
		return "ListTasks"
	case "tasks/cancel":
		return "CancelTask"
	case "tasks/resubscribe":
		return "SubscribeToTask"
	case "tasks/pushNotificationConfig/set":
		return "CreateTaskPushNotificationConfig"
	case "tasks/pushNotificationConfig/get":
		return "GetTaskPushNotificationConfig"
	case "tasks/pushNotificationConfig/list":
		return "ListTaskPushNotificationConfigs"
	case "tasks/pushNotificationConfig/delete":
		return "DeleteTaskPushNotificationConfig"
	case "agent/getAuthenticatedExtendedCard":
		return "GetExtendedAgentCard"
	}
	return method
}

// conventionalA2AState turns the states of protocols 0.3 and 1.0 into one form.
func conventionalA2AState(state string) string {
	switch state = strings.TrimPrefix(state, "TASK_STATE_"); state {
	case "SUBMITTED", "submitted":
		return "submitted"
	case "WORKING", "working":
		return "working"
	case "INPUT_REQUIRED", "input-required", "input_required":
		return "input_required"
	case "AUTH_REQUIRED", "auth-required", "auth_required":
		return "auth_required"
	case "COMPLETED", "completed":
		return "completed"
	case "FAILED", "failed":
		return "failed"
	case "REJECTED", "rejected":
		return "rejected"
	case "CANCELED", "canceled", "CANCELLED", "cancelled":
		return "canceled"
	case "":
		return ""
	}
	return "unknown"
}
