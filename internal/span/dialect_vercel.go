package span

import "strings"

// vercel are the ai.* spans of the Vercel AI SDK 5 and 6, and of 7 with its legacy
// integration. What 7 sends by default are the GenAI conventions. ai.generateText
// and its kin are whole runs of calls and tools, and repeat the tokens of all.
var vercel = dialect{
	name:       "vercel",
	namespaces: []string{"ai."},
	fields: []field{
		{"ai.operationId", vercelOperation, 0},
		{"ai.model.provider", provider, 4},
		{"ai.model.id", requestModel, 3},
		{"ai.response.model", responseModel, 2},
		{"ai.response.finishReason", finishReasons, 2},
		{"ai.telemetry.functionId", agentNode, 1},
		{"ai.telemetry.metadata.sessionId", conversation, 5},
		{"ai.telemetry.metadata.threadId", conversation, 6},
		{"ai.usage.inputTokens", inputTokens, 5},
		{"ai.usage.promptTokens", inputTokens, 6},
		{"ai.usage.tokens", inputTokens, 7}, // embeddings
		{"ai.usage.outputTokens", outputTokens, 5},
		{"ai.usage.completionTokens", outputTokens, 6},
		{"ai.usage.inputTokenDetails.cacheReadTokens", cacheReadTokens, 5},
		{"ai.usage.cachedInputTokens", cacheReadTokens, 6},
		{"ai.usage.inputTokenDetails.cacheWriteTokens", cacheWriteTokens, 5},
		{"ai.usage.outputTokenDetails.reasoningTokens", reasoningTokens, 5},
		{"ai.usage.reasoningTokens", reasoningTokens, 6},
		{"ai.usage.totalTokens", totalTokens, 5},
		{"ai.toolCall.name", toolName, 3},
		{"ai.toolCall.id", toolCallID, 1},
		{"ai.toolCall.args", toolArguments, 1},
	},
	triggers: []slot{vercelOperation},
	content: []string{
		"ai.prompt*", "ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.response.reasoning*",
		"ai.response.files*", "ai.response.providerMetadata", "ai.result.*", "ai.toolCall.args", "ai.toolCall.result",
		"ai.toolCall.input", "ai.toolCall.output", "ai.value", "ai.values", "ai.embedding", "ai.embeddings", "ai.documents",
		"ai.ranking", "ai.schema", "ai.schema.*", "ai.settings.context*",
	},
	classify: func(s *Span, m *Meaning) bool {
		id, ok := strings.CutPrefix(s.text(vercelOperation), "ai.")
		if !ok {
			return false
		}
		m.Agent = s.text(agentNode)
		switch id {
		case "toolCall":
			m.Type = Tool
			return true
		case "embed", "embedMany":
			m.Type, m.Operation, m.Wrapper = Inference, "embeddings", true
			return true
		case "generateText", "streamText", "generateObject", "streamObject":
			m.Type, m.Operation = Agent, "invoke_agent"
			return true
		}
		switch {
		case strings.HasSuffix(id, ".doEmbed"):
			m.Type, m.Operation = Inference, "embeddings"
		case strings.HasSuffix(id, ".doGenerate"), strings.HasSuffix(id, ".doStream"):
			m.Type, m.Operation = Inference, "chat"
		default:
			m.Type = Task
		}
		return true
	},
}
