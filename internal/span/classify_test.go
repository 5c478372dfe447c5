package span

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMeaningIsToldInTheNewestNames(t *testing.T) {
	var s Span
	s.Kind = KindClient
	for key, v := range map[string]Value{
		"llm.request.type": StringOf("chat"), "gen_ai.system": StringOf("bedrock"), "llm.request.model": StringOf("m"),
		"llm.usage.prompt_tokens": StringOf("10"), "gen_ai.usage.completion_tokens": IntOf(0),
		"gen_ai.usage.cache_creation_input_tokens": IntOf(4), "traceloop.workflow.name": StringOf("trip"), "session.id": StringOf("c"),
	} {
		require.True(t, s.Set(key, v), key)
	}
	s.Status = StatusError
	m := Classify(&s)
	type attribute struct {
		key   string
		value Value
	}
	var got []attribute
	m.Attributes(func(key string, v Value) bool {
		got = append(got, attribute{key, v})
		return true
	})
	require.Equal(t, []attribute{
		{"gen_ai.operation.name", StringOf("chat")},
		{"gen_ai.provider.name", StringOf("aws.bedrock")},
		{"gen_ai.request.model", StringOf("m")},
		{"gen_ai.workflow.name", StringOf("trip")},
		{"gen_ai.conversation.id", StringOf("c")},
		{"error.type", StringOf("_OTHER")},
		{"gen_ai.usage.input_tokens", IntOf(10)},
		{"gen_ai.usage.output_tokens", IntOf(0)},
		{"gen_ai.usage.cache_write.input_tokens", IntOf(4)},
	}, got)
	for stop := range len(got) {
		n := 0
		for range m.Attributes {
			if n == stop {
				break
			}
			n++
		}
		require.Equal(t, stop, n)
	}
}

func TestWhatAgentsDidNotDoIsToldNothingOf(t *testing.T) {
	for _, m := range []Meaning{{}, {Type: Noise}, {ErrorType: "E", Failed: true}} {
		for key := range m.Attributes {
			require.Fail(t, key)
		}
	}
}

func TestOperationsAreNamedByWhatTheSpanIs(t *testing.T) {
	for want, m := range map[string]Meaning{
		"invoke_workflow": {Type: Workflow, Operation: "invoke_agent"},
		"invoke_agent":    {Type: Agent},
		"execute_tool":    {Type: MCPClient, MCPMethod: "tools/call"},
		"plan":            {Type: Task, Operation: "plan"},
		"":                {Type: MCPServer, MCPMethod: "initialize"},
	} {
		require.Equal(t, want, m.conventionalOperation())
	}
}

func TestProvidersAreNamedByTheConventions(t *testing.T) {
	for told, want := range map[string]string{
		"openai": "openai", "OpenAI": "openai", "openai.chat": "openai", "openai.responses": "openai", "anthropic.messages": "anthropic",
		"azure.ai.openai": "azure.ai.openai", "azure-openai.chat": "azure.ai.openai", "amazon-bedrock": "aws.bedrock",
		"google.generative-ai": "gcp.gemini", "google.vertex.chat": "gcp.vertex_ai", "vertex_ai": "gcp.vertex_ai", "mistral.chat": "mistral_ai",
		"xai.chat": "x_ai", "langchain": "", "strands-agents": "", "gcp.vertex.agent": "", "ollama": "ollama", "my.gateway": "my.gateway", "": "",
	} {
		require.Equal(t, want, providerName(told), told)
	}
}

func TestAProviderNamedLikeTheProgramIsNone(t *testing.T) {
	for told, want := range map[string]string{"planner": "", "svc": "", "openai": "openai", "other": "other"} {
		s := Span{Scope: "planner", Service: "svc", Kind: KindClient}
		s.Set("gen_ai.operation.name", StringOf("chat"))
		s.Set("gen_ai.system", StringOf(told))
		require.Equal(t, want, Classify(&s).Provider, told)
	}
	s := Span{Scope: "openai", Kind: KindClient}
	s.Set("gen_ai.operation.name", StringOf("chat"))
	s.Set("gen_ai.system", StringOf("openai"))
	require.Equal(t, "openai", Classify(&s).Provider)
}

func TestFailureIsToldByStatusOrByType(t *testing.T) {
	for name, c := range map[string]struct {
		status    Status
		errorType string
		exception string
		failed    bool
		want      string
	}{
		"unset":              {StatusUnset, "", "", false, ""},
		"ok":                 {StatusOK, "", "", false, ""},
		"handled exception":  {StatusOK, "", "ValueError", false, ""},
		"error":              {StatusError, "", "", true, "_OTHER"},
		"error, exception":   {StatusError, "", "ValueError", true, "ValueError"},
		"type alone":         {StatusUnset, "timeout", "", true, "timeout"},
		"type, exception":    {StatusError, "timeout", "ValueError", true, "timeout"},
		"message":            {StatusError, "it broke", "", true, "_OTHER"},
		"unknown, exception": {StatusError, "unknown", "ValueError", true, "ValueError"},
	} {
		for _, typed := range []bool{true, false} {
			s := Span{Status: c.status, Exception: c.exception, Name: "x"}
			if typed {
				s.Set("gen_ai.operation.name", StringOf("execute_tool"))
			}
			if c.errorType != "" {
				s.Set("error.type", StringOf(c.errorType))
			}
			m := Classify(&s)
			require.Equal(t, c.failed, m.Failed, name)
			require.Equal(t, c.want, m.ErrorType, name)
		}
	}
}

func TestClassifyingAllocatesNothing(t *testing.T) {
	for name, fill := range loads {
		var s Span
		require.Zero(t, testing.AllocsPerRun(100, func() {
			s.Reset()
			fill(&s)
			sink = Classify(&s)
		}), name)
	}
}

// sink keeps results from being optimised away.
var sink Meaning

// loads are typical spans, by what they stand for.
var loads = map[string]func(*Span){
	"genai": func(s *Span) {
		s.Name, s.Scope, s.Kind, s.Service = "chat gpt-4o-mini", "opentelemetry.instrumentation.openai_v2", KindClient, "planner"
		s.Set("gen_ai.operation.name", StringOf("chat"))
		s.Set("gen_ai.provider.name", StringOf("openai"))
		s.Set("gen_ai.request.model", StringOf("gpt-4o-mini"))
		s.Set("gen_ai.response.model", StringOf("gpt-4o-mini-2024-07-18"))
		s.Set("gen_ai.response.id", StringOf("chatcmpl-1"))
		s.Set("gen_ai.response.finish_reasons", JSONOf(`["stop"]`))
		s.Set("gen_ai.usage.input_tokens", IntOf(269))
		s.Set("gen_ai.usage.output_tokens", IntOf(26))
		s.Set("gen_ai.request.temperature", FloatOf(0.2))
		s.Set("server.address", StringOf("api.openai.com"))
		s.Set("server.port", IntOf(443))
	},
	"tool": func(s *Span) {
		s.Name, s.Scope, s.Kind = "execute_tool lookup", "agent", KindInternal
		s.Set("gen_ai.operation.name", StringOf("execute_tool"))
		s.Set("gen_ai.tool.name", StringOf("lookup"))
		s.Set("gen_ai.tool.call.id", StringOf("call_1"))
		s.Set("gen_ai.tool.call.arguments", StringOf(`{"from":"BER","to":"CDG","date":"2026-12-04","seats":2}`))
	},
	"genkit": func(s *Span) {
		s.Name, s.Scope, s.Kind = "openai/gpt-4o-mini", "genkit-tracer", KindInternal
		s.Set("genkit:type", StringOf("action"))
		s.Set("genkit:metadata:subtype", StringOf("model"))
		s.Set("genkit:name", StringOf("openai/gpt-4o-mini"))
		s.Set("genkit:output", StringOf(`{"message":{"role":"model","content":[{"text":"yes"}]},"usage":{"inputTokens":12,"outputTokens":3}}`))
	},
	"http": func(s *Span) {
		s.Name, s.Scope, s.Kind = "GET /orders/{id}", "otelhttp", KindServer
		s.Set("http.request.method", StringOf("GET"))
		s.Set("http.route", StringOf("/orders/{id}"))
		s.Set("http.response.status_code", IntOf(200))
		s.Set("url.path", StringOf("/orders/17"))
	},
	"database": func(s *Span) {
		s.Name, s.Scope, s.Kind = "SELECT orders", "pgx", KindClient
		s.Set("db.system.name", StringOf("postgresql"))
		s.Set("db.query.text", StringOf("SELECT * FROM orders WHERE id = $1"))
		s.Set("db.operation.name", StringOf("SELECT"))
		s.Set("db.collection.name", StringOf("orders"))
	},
	"unknown": func(s *Span) {
		s.Name, s.Scope, s.Kind = "resize image", "app", KindInternal
		s.Set("image.width", IntOf(640))
		s.Set("image.height", IntOf(480))
		s.Set("thread.name", StringOf("worker"))
	},
}

func BenchmarkClassify(b *testing.B) {
	for name, fill := range loads {
		b.Run(name, func(b *testing.B) {
			var s Span
			fill(&s)
			b.ReportAllocs()
			for b.Loop() {
				sink = Classify(&s)
			}
		})
	}
}

func BenchmarkSetAndClassify(b *testing.B) {
	for name, fill := range loads {
		b.Run(name, func(b *testing.B) {
			var s Span
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				fill(&s)
				sink = Classify(&s)
			}
		})
	}
}

func BenchmarkContent(b *testing.B) {
	keys := []string{"gen_ai.operation.name", "gen_ai.input.messages", "http.route", "llm.input_messages.0.message.content", "service.name"}
	found := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, key := range keys {
			if Content(key) {
				found++
			}
		}
	}
	if found == 0 {
		b.Fatal("nothing is content")
	}
}
