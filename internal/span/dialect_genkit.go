package span

import "strings"

// genkit is Firebase Genkit, in Node, Go and Python alike: what it does are
// actions, its usage stands in the JSON of their output, and it sends no attribute
// of the GenAI conventions. The "generate" spans around its models are steps.
var genkit = dialect{
	name:       "genkit",
	namespaces: []string{"genkit:"},
	fields: []field{
		{"genkit:type", genkitType, 0},
		{"genkit:metadata:subtype", genkitSubtype, 0},
		{"genkit:name", genkitName, 0},
		{"genkit:input", toolArguments, 7},
		{"genkit:output", genkitOutput, 0},
		{"genkit:state", genkitState, 0},
		{"genkit:sessionId", conversation, 7},
		{"genkit:metadata:flow:id", workflowID, 6},
	},
	triggers: []slot{genkitType},
	content:  []string{"genkit:input", "genkit:output", "genkit:metadata:context", "genkit:metadata:init"},
	classify: classifyGenkit,
}

func classifyGenkit(s *Span, m *Meaning) bool {
	m.Failed = s.text(genkitState) == "error"
	name := s.text(genkitName)
	fill(&name, s.Name)
	kind := s.text(genkitType)
	if kind == "action" {
		kind = s.text(genkitSubtype)
	}
	switch kind {
	case "flow":
		m.Type, m.Workflow = Workflow, name
	case "agent", "session-flow":
		m.Type, m.Agent = Agent, name
	case "tool", "tool.v2":
		m.Type, m.Tool = Tool, name
	case "model", "background-model":
		m.Type, m.Operation = Inference, "chat"
		s.genkitModel(m, name)
	case "embedder":
		m.Type, m.Operation = Inference, "embeddings"
		s.genkitModel(m, name)
	default:
		m.Type = Task // util, flowStep, prompt, retriever, indexer, evaluator, …
	}
	return true
}

// genkitModel takes the provider from the name, which is "plugin/model", and the
// usage from the answer. Genkit's own usage has no place for what some plugins know
// of caches; these leave the answer of the model as it came under "raw".
func (s *Span) genkitModel(m *Meaning, name string) {
	plugin, model, ok := strings.Cut(name, "/")
	if !ok {
		plugin, model = "", name
	}
	m.Provider, m.RequestModel = providerName(plugin), model
	output := s.text(genkitOutput)
	usage, ok := member(output, "usage")
	if ok {
		input, hasInput := countMember(usage, "inputTokens")
		answer, hasAnswer := countMember(usage, "outputTokens")
		m.HasTokens = hasInput || hasAnswer
		m.Tokens.Input, m.Tokens.Output = input, answer
		m.Tokens.CacheRead, _ = countMember(usage, "cachedContentTokens")
		m.Tokens.Reasoning, _ = countMember(usage, "thoughtsTokens")
		if total, ok := countMember(usage, "totalTokens"); ok {
			m.Tokens.include(total)
		}
	}
	raw, ok := member(output, "raw")
	if !ok {
		if raw, ok = member(output, "custom"); !ok {
			return
		}
	}
	m.ResponseModel = textMember(raw, "model")
	fill(&m.ResponseModel, textMember(raw, "modelVersion"))
	if u, ok := member(raw, "usage"); ok {
		if details, ok := member(u, "prompt_tokens_details"); ok && m.Tokens.CacheRead == 0 {
			m.Tokens.CacheRead, _ = countMember(details, "cached_tokens")
		}
		if details, ok := member(u, "completion_tokens_details"); ok && m.Tokens.Reasoning == 0 {
			m.Tokens.Reasoning, _ = countMember(details, "reasoning_tokens")
		}
		if n, ok := countMember(u, "cache_read_input_tokens"); ok && m.Tokens.CacheRead == 0 {
			m.Tokens.CacheRead = n
		}
		if n, ok := countMember(u, "cache_creation_input_tokens"); ok {
			m.Tokens.CacheWrite = n
		}
	}
	if u, ok := member(raw, "usageMetadata"); ok && m.Tokens.CacheRead == 0 {
		m.Tokens.CacheRead, _ = countMember(u, "cachedContentTokenCount")
	}
}
