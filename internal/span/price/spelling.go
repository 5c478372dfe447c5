package price

import "strings"

// maxName is the longest name of a model that is looked at, in bytes.
const maxName = 256

// resellers sell the models of others at the price of their makers, as far as the
// lists go: Azure OpenAI those of OpenAI, Google Cloud and Amazon Bedrock those of
// Anthropic. What they sell under their own name stands in the table.
var resellers = map[string][]string{
	"azure.ai.openai":    {"openai"},
	"azure.ai.inference": {"openai"},
	"aws.bedrock":        {"anthropic"},
	"gcp.vertex_ai":      {"gcp.gemini", "anthropic"},
	"gcp.gen_ai":         {"gcp.gemini", "anthropic"},
	"gcp.gemini":         {"anthropic"},
}

// vendors are the providers that routers and Bedrock name before the model, by the
// words that they use for them.
var vendors = map[string]string{
	"openai":        "openai",
	"azure":         "azure.ai.openai",
	"anthropic":     "anthropic",
	"google":        "gcp.gemini",
	"gemini":        "gcp.gemini",
	"vertex_ai":     "gcp.vertex_ai",
	"bedrock":       "aws.bedrock",
	"amazon":        "aws.bedrock",
	"mistral":       "mistral_ai",
	"mistralai":     "mistral_ai",
	"deepseek":      "deepseek",
	"x-ai":          "x_ai",
	"xai":           "x_ai",
	"cohere":        "cohere",
	"perplexity":    "perplexity",
	"groq":          "groq",
	"moonshotai":    "moonshot_ai",
	"publishers":    "",
	"models":        "",
	"openrouter":    "",
	"litellm":       "",
	"litellm_proxy": "",
}

// withoutRoute takes the way to a model off its name, and returns whose the model
// is if the way says it: "openrouter/openai/gpt-4o", "publishers/google/models/x",
// "us.anthropic.claude-…", an ARN of Bedrock.
func withoutRoute(model string) (bare, vendor string) {
	for {
		first, rest, ok := strings.Cut(model, "/")
		if !ok {
			break
		}
		if v := vendors[first]; v != "" {
			vendor = v
		}
		model = rest
	}
	for _, region := range [...]string{"us.", "us-gov.", "eu.", "apac.", "global.", "jp.", "au.", "ca."} {
		if rest, ok := strings.CutPrefix(model, region); ok {
			model = rest
			break
		}
	}
	if rest, ok := strings.CutPrefix(model, "anthropic."); ok {
		return rest, "anthropic"
	}
	return model, vendor
}

// spellings are a model's name and what is left of it without its date, version
// and channel, step by step. A fine-tuned, free or preview variant keeps its mark,
// so that it is not taken for the model that it was made of: their prices differ.
func spellings(model string) []string {
	found := []string{model}
	add := func(s string) {
		if s != "" && s != found[len(found)-1] {
			found = append(found, s)
			model = s
		}
	}
	if strings.HasPrefix(model, "gpt-35") { // Azure's names know no dots
		add("gpt-3.5" + model[len("gpt-35"):])
	}
	if bare, _, ok := strings.Cut(model, "@"); ok { // Vertex AI: claude-…@20250929
		add(bare)
	}
	add(withoutBedrockVersion(model))
	for range 4 {
		before := model
		add(strings.TrimSuffix(model, "-latest"))
		add(withoutDate(model))
		if model == before {
			break
		}
	}
	if n := len(model); n > 4 && model[n-4] == '-' && digits(model[n-3:]) && strings.HasPrefix(model, "gemini-") {
		add(model[:n-4]) // gemini-2.0-flash-001
	}
	return found
}

// withoutBedrockVersion takes off "-v1:0", "-v2" and the like.
func withoutBedrockVersion(model string) string {
	i := strings.LastIndex(model, "-v")
	if i < 0 {
		return model
	}
	version, revision, _ := strings.Cut(model[i+2:], ":")
	if !digits(version) || len(version) > 2 || revision != "" && !digits(revision) {
		return model
	}
	return model[:i]
}

// withoutDate takes off "-2024-07-18" and "-20250929".
func withoutDate(model string) string {
	for _, shape := range [...]string{"-0000-00-00", "-00000000"} {
		i := len(model) - len(shape)
		if i > 0 && shaped(model[i:], shape) {
			return model[:i]
		}
	}
	return model
}

// shaped reports whether the text has digits where the shape has zeros and its
// other bytes elsewhere.
func shaped(text, shape string) bool {
	for i := range len(shape) {
		if shape[i] == '0' && (text[i] < '0' || text[i] > '9') || shape[i] != '0' && text[i] != shape[i] {
			return false
		}
	}
	return true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
