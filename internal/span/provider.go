package span

import "strings"

// providerName is the provider of a model in the words of gen_ai.provider.name, or
// nothing if the text names a framework and not a provider. What is not known is
// left as it is.
func providerName(text string) string {
	if name, ok := providers[text]; ok {
		return name
	}
	lower := strings.ToLower(text)
	if name, ok := providers[lower]; ok {
		return name
	}
	// Vercel's and Mastra's are "provider.interface", such as "openai.chat".
	if first, _, ok := strings.Cut(lower, "."); ok {
		if name, ok := providers[first]; ok {
			return name
		}
	}
	return text
}

// providerName is that of the span. Strands says its program's name instead, and
// ADK its scope's.
func (s *Span) providerName() string {
	told := s.text(provider)
	if told == "" || told == s.Scope || told == s.Service {
		if _, known := providers[told]; !known {
			return ""
		}
	}
	return providerName(told)
}

// providers are the names of the conventions, and what emitters say for them.
var providers = map[string]string{
	"openai":              "openai",
	"anthropic":           "anthropic",
	"cohere":              "cohere",
	"perplexity":          "perplexity",
	"deepseek":            "deepseek",
	"groq":                "groq",
	"aws.bedrock":         "aws.bedrock",
	"azure.ai.openai":     "azure.ai.openai",
	"azure.ai.inference":  "azure.ai.inference",
	"gcp.gemini":          "gcp.gemini",
	"gcp.gen_ai":          "gcp.gen_ai",
	"gcp.vertex_ai":       "gcp.vertex_ai",
	"ibm.watsonx.ai":      "ibm.watsonx.ai",
	"mistral_ai":          "mistral_ai",
	"moonshot_ai":         "moonshot_ai",
	"x_ai":                "x_ai",
	"aws":                 "aws.bedrock",
	"bedrock":             "aws.bedrock",
	"aws_bedrock":         "aws.bedrock",
	"amazon_bedrock":      "aws.bedrock",
	"amazon-bedrock":      "aws.bedrock",
	"azure":               "azure.ai.openai",
	"azure_openai":        "azure.ai.openai",
	"azure-openai":        "azure.ai.openai",
	"azureopenai":         "azure.ai.openai",
	"az.ai.openai":        "azure.ai.openai",
	"az.ai.inference":     "azure.ai.inference",
	"az_ai_inference":     "azure.ai.inference",
	"gemini":              "gcp.gemini",
	"google":              "gcp.gemini",
	"googleai":            "gcp.gemini",
	"google_genai":        "gcp.gen_ai",
	"google_generativeai": "gcp.gemini",
	"google-gla":          "gcp.gemini",
	"google-vertex":       "gcp.vertex_ai",
	"google.vertex.chat":  "gcp.vertex_ai",
	"google_vertexai":     "gcp.vertex_ai",
	"vertex_ai":           "gcp.vertex_ai",
	"vertexai":            "gcp.vertex_ai",
	"vertex":              "gcp.vertex_ai",
	"watsonx":             "ibm.watsonx.ai",
	"ibm_watsonx":         "ibm.watsonx.ai",
	"mistral":             "mistral_ai",
	"mistralai":           "mistral_ai",
	"moonshot":            "moonshot_ai",
	"moonshotai":          "moonshot_ai",
	"xai":                 "x_ai",
	"grok":                "x_ai",

	// Frameworks that put their own name where the provider belongs.
	"":                          "",
	"_OTHER":                    "",
	"unknown":                   "",
	"agent_framework":           "",
	"autogen":                   "",
	"crewai":                    "",
	"gcp.vertex.agent":          "",
	"haystack":                  "",
	"langchain":                 "",
	"langgraph":                 "",
	"litellm":                   "",
	"llama_index":               "",
	"llamaindex":                "",
	"mastra":                    "",
	"microsoft.agent_framework": "",
	"microsoft.agents.ai":       "",
	"openai_agents":             "",
	"pydantic-ai":               "",
	"pydantic_ai":               "",
	"semantic_kernel":           "",
	"strands":                   "",
	"strands-agents":            "",
}
