package span

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestNoTwoDialectsDisagreeAboutAKey(t *testing.T) {
	spans, events := make(map[string]place), make(map[eventKey]place)
	filled := make(map[slot]bool)
	for _, d := range allDialects {
		require.NotEmpty(t, d.name)
		for _, f := range d.fields {
			at, ok := spans[f.key]
			require.True(t, !ok || at == place{f.slot, f.rank}, "%s: %s", d.name, f.key)
			spans[f.key], filled[f.slot] = place{f.slot, f.rank}, true
		}
		for _, f := range d.events {
			key := eventKey{f.event, f.key}
			at, ok := events[key]
			require.True(t, !ok || at == place{f.slot, f.rank}, "%s: %v", d.name, key)
			events[key], filled[f.slot] = place{f.slot, f.rank}, true
		}
		for _, prefix := range d.namespaces {
			require.NotEmpty(t, prefix, d.name)
		}
		for _, scope := range d.scopes {
			require.NotEmpty(t, scope, d.name)
		}
	}
	for s := noSlot + 1; s < slotCount; s++ {
		require.True(t, filled[s], "no key fills slot %d", s)
	}
	require.LessOrEqual(t, int(slotCount), 128, "slots has no room for more")
	require.LessOrEqual(t, len(allDialects), 32, "dialects has no room for more")
}

func TestTheNewestNameWinsInAnyOrder(t *testing.T) {
	var s Span
	require.True(t, s.Set("gen_ai.usage.prompt_tokens", IntOf(1)))
	require.True(t, s.Set("gen_ai.usage.input_tokens", IntOf(2)))
	require.True(t, s.Set("llm.token_count.prompt", IntOf(3)))
	n, ok := s.count(inputTokens)
	require.True(t, ok)
	require.EqualValues(t, 2, n)
	require.True(t, s.Set("gen_ai.usage.input_tokens", IntOf(4)), "the same key again")
	n, _ = s.count(inputTokens)
	require.EqualValues(t, 4, n)
}

func TestAnEmptyTextHidesNothing(t *testing.T) {
	var s Span
	s.Set("gen_ai.provider.name", StringOf(""))
	s.Set("gen_ai.system", StringOf("openai"))
	s.Set("gen_ai.request.model", Value{})
	require.Equal(t, "openai", s.text(provider))
	require.False(t, s.has(requestModel))
}

func TestUnknownKeysAreRefused(t *testing.T) {
	var s Span
	for _, key := range []string{"", "gen_ai.", "gen_ai.request.temperature", "http.url", "enduser.id", strings.Repeat("x", 1<<16)} {
		require.False(t, s.Set(key, StringOf("x")), key)
		require.False(t, Known(key), key)
	}
	require.True(t, s.set.empty())
	require.False(t, s.SetEvent("exception", "exception.message", StringOf("secret")))
	require.False(t, s.SetEvent("gen_ai.choice", "message", StringOf("secret")))
	require.True(t, s.SetEvent("exception", "exception.type", StringOf("ValueError")))
	require.True(t, s.SetEvent("exception", "exception.type", StringOf("KeyError")))
	require.Equal(t, "KeyError", s.Exception)
}

func TestResetForgetsEverythingButTheScope(t *testing.T) {
	s := Span{
		TraceID: TraceID{1}, ID: ID{2}, ParentID: ID{3}, Links: []Link{{}}, Service: "s", Scope: "gcp.vertex.agent", Name: "invocation",
		Kind: KindClient, Status: StatusError, Start: 1, End: 2, Exception: "E",
	}
	s.Set("gen_ai.operation.name", StringOf("chat"))
	s.Set("db.system", StringOf("redis"))
	require.Equal(t, Workflow, func() Type { s.Set("gen_ai.operation.name", StringOf("x")); return Classify(&s).Type }())
	s.Reset()
	require.Empty(t, s.Links)
	s.Links = nil
	want := Span{attributes: attributes{scopeSeen: s.scopeSeen, scopeMarks: s.scopeMarks}}
	require.Equal(t, want, s)
	require.Equal(t, Meaning{Cost: -1}, Classify(&s), "a span without a scope has not the one before")
}

func TestValuesAreReadAsTheyAreMeant(t *testing.T) {
	for _, v := range []Value{IntOf(7), FloatOf(7), StringOf("7")} {
		n, ok := v.Int()
		require.True(t, ok)
		require.EqualValues(t, 7, n)
		f, ok := v.Float()
		require.True(t, ok)
		require.InDelta(t, 7, f, 0)
	}
	for _, v := range []Value{{}, FloatOf(7.5), FloatOf(1e300), StringOf("seven"), StringOf(""), StringOf("-"), StringOf("12345678901234567890"), BoolOf(true)} {
		_, ok := v.Int()
		require.False(t, ok, v)
	}
	_, ok := StringOf("NaN").Float()
	require.False(t, ok)
	n, ok := StringOf("-12").Int()
	require.True(t, ok)
	require.EqualValues(t, -12, n)
	yes, ok := BoolOf(true).Bool()
	require.True(t, yes && ok)
	no, ok := StringOf("false").Bool()
	require.True(t, !no && ok)
	require.Equal(t, StringOf("a"), StringOf("a"))
	require.NotEqual(t, StringOf("1"), JSONOf("1"))
	require.Equal(t, JSONOf(`["a","b\"c"]`), StringsOf("a", `b"c`))
	require.Equal(t, `["stop"]`, StringsOf("stop").Text())
	require.True(t, utf8.ValidString(StringsOf("\xff").Text()))
}

func TestContentIsKnownInEveryDialect(t *testing.T) {
	for _, key := range []string{
		"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.call.arguments",
		"gen_ai.tool.call.result", "gen_ai.tool.definitions", "gen_ai.prompt", "gen_ai.prompt.0.content", "gen_ai.completion.0.content",
		"gen_ai.content.prompt", "traceloop.entity.input", "traceloop.entity.output", "llm.request.functions.0.parameters", "input.value",
		"output.value", "llm.input_messages.0.message.content", "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
		"llm.tools.0.tool.json_schema", "retrieval.documents.0.document.content", "embedding.embeddings.0.embedding.text", "tool.parameters",
		"ai.prompt", "ai.prompt.messages", "ai.prompt.tools", "ai.response.text", "ai.response.toolCalls", "ai.toolCall.args",
		"ai.toolCall.result", "genkit:input", "genkit:output", "mastra.model_step.input", "mastra.agent_run.output", "mastra.metadata.body",
		"gcp.vertex.agent.llm_request", "gcp.vertex.agent.tool_response", "all_messages_events", "pydantic_ai.all_messages", "tool_arguments",
		"final_result", "system_prompt", "gen_ai.agent.a2a.request", "message.content", "crewai.task.description",
	} {
		require.True(t, Content(key), key)
		require.True(t, EventContent("any", key), key)
	}
	for _, key := range []string{
		"", "gen_ai.operation.name", "gen_ai.usage.prompt_tokens", "gen_ai.tool.name", "gen_ai.tool.call.id", "gen_ai.prompt.name",
		"llm.token_count.prompt", "llm.model_name", "ai.usage.promptTokens", "ai.model.id", "genkit:name", "mastra.span.type",
		"gcp.vertex.agent.session_id", "db.query.text", "http.route", "error.type", "input.mime_type", "tool.name", "ai.response.model",
	} {
		require.False(t, Content(key), key)
		require.False(t, EventContent("exception", key), key)
	}
	require.True(t, EventContent("gen_ai.user.message", "content"))
	require.True(t, EventContent("gen_ai.choice", "message"))
	require.True(t, EventContent("gen_ai.choice", "message.content"))
	require.True(t, EventContent("gen_ai.content.prompt", "gen_ai.prompt"))
	require.False(t, EventContent("gen_ai.choice", "finish_reason"))
	require.False(t, EventContent("gen_ai.tool.message", "id"))
	require.False(t, EventContent("order.placed", "content"))
}

// What the captures hold of prompts and answers is found by these sentences of
// their workload, which no attribute but one with content may carry.
func TestNoContentOfACaptureHasAnUnknownKey(t *testing.T) {
	sentences := []string{"You are a travel planner", "Plan two days in Paris", "Fly BER-CDG", "Rome: 24C", `"city":`}
	found := 0
	for name, file := range captures(t, "../../testdata/otlp") {
		td := readCapture(t, file)
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					for key, v := range sp.Attributes().All() {
						for _, sentence := range sentences {
							if strings.Contains(v.AsString(), sentence) {
								found++
								require.True(t, Content(key), "%s: %s", name, key)
							}
						}
					}
					for _, event := range sp.Events().All() {
						for key, v := range event.Attributes().All() {
							for _, sentence := range sentences {
								if strings.Contains(v.AsString(), sentence) {
									found++
									require.True(t, EventContent(event.Name(), key), "%s: %s %s", name, event.Name(), key)
								}
							}
						}
					}
				}
			}
		}
	}
	require.Positive(t, found)
}
