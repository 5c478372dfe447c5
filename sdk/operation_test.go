package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorded returns a kit and the spans that it has ended so far, by name.
func recorded() (sdk.Kit, func() map[string]tracetest.SpanStub) {
	exporter := tracetest.NewInMemoryExporter()
	kit := sdk.New(sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)), nil)
	return kit, func() map[string]tracetest.SpanStub {
		spans := make(map[string]tracetest.SpanStub)
		for _, s := range exporter.GetSpans() {
			spans[s.Name] = s
		}
		return spans
	}
}

// attributesOf returns the attributes of a span as text.
func attributesOf(s tracetest.SpanStub) map[string]string {
	found := make(map[string]string)
	for _, a := range s.Attributes {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

func TestAWorkflowIsATreeOfConventionalSpans(t *testing.T) {
	kit, spans := recorded()
	ctx, workflow := kit.StartWorkflow(t.Context(), "report", sdk.WithWorkflowID("w-1"), sdk.WithPriority("high"),
		sdk.WithComplexityTier("complex"), sdk.WithConversationID("c-1"))
	ctx, agent := kit.StartAgent(ctx, "writer", sdk.WithAgentID("writer-1"))
	_, tool := kit.StartTool(ctx, "search", sdk.WithToolType("datastore"), sdk.WithToolCallID("call-1"))
	tool.End(nil)
	_, call := kit.StartInference(ctx, "openai", "gpt-4o-mini", sdk.WithAttributes(attribute.String("server.address", "example.org")))
	call.SetUsage(sdk.Usage{Input: 100, Output: 20, CacheRead: 40})
	call.SetResponse(sdk.Response{Model: "gpt-4o-mini-2024-07-18", ID: "r-1", FinishReasons: []string{"stop"}})
	call.End(nil)
	_, remote := kit.StartAgent(ctx, "critic", sdk.Remote())
	remote.End(nil)
	agent.End(nil)
	workflow.End(nil)

	got := spans()
	require.Len(t, got, 5)
	root := got["invoke_workflow report"]
	require.Equal(t, trace.SpanKindInternal, root.SpanKind)
	require.Equal(t, codes.Unset, root.Status.Code)
	require.Equal(t, map[string]string{
		"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "report", "workflow.name": "report",
		"workflow.id": "w-1", "workflow.priority": "high", "workflow.complexity_tier": "complex", "gen_ai.conversation.id": "c-1",
	}, attributesOf(root))

	of := got["invoke_agent writer"]
	require.Equal(t, trace.SpanKindInternal, of.SpanKind)
	require.Equal(t, root.SpanContext.SpanID(), of.Parent.SpanID())
	require.Equal(t, map[string]string{
		"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer", "gen_ai.agent.id": "writer-1",
		"workflow.id": "w-1", "gen_ai.conversation.id": "c-1",
	}, attributesOf(of))

	require.Equal(t, map[string]string{
		"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.tool.type": "datastore",
		"gen_ai.tool.call.id": "call-1", "gen_ai.agent.name": "writer", "workflow.id": "w-1", "gen_ai.conversation.id": "c-1",
	}, attributesOf(got["execute_tool search"]))

	chat := got["chat gpt-4o-mini"]
	require.Equal(t, trace.SpanKindClient, chat.SpanKind)
	require.Equal(t, of.SpanContext.SpanID(), chat.Parent.SpanID())
	require.Equal(t, map[string]string{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
		"gen_ai.agent.name": "writer", "workflow.id": "w-1", "gen_ai.conversation.id": "c-1", "server.address": "example.org",
		"gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20", "gen_ai.usage.cache_read.input_tokens": "40",
		"gen_ai.response.model": "gpt-4o-mini-2024-07-18", "gen_ai.response.id": "r-1", "gen_ai.response.finish_reasons": `["stop"]`,
	}, attributesOf(chat))
	require.Equal(t, trace.SpanKindClient, got["invoke_agent critic"].SpanKind)
}

func TestAWorkflowWithoutAnIDGetsOneOfItsOwn(t *testing.T) {
	kit, spans := recorded()
	for _, name := range []string{"a", "b"} {
		_, workflow := kit.StartWorkflow(t.Context(), name)
		workflow.End(nil)
	}
	a, b := attributesOf(spans()["invoke_workflow a"])["workflow.id"], attributesOf(spans()["invoke_workflow b"])["workflow.id"]
	require.Len(t, a, 32)
	require.NotEqual(t, a, b)
}

func TestOnlyTheFirstEndCounts(t *testing.T) {
	kit, spans := recorded()
	_, tool := kit.StartTool(t.Context(), "search")
	tool.End(fmt.Errorf("searching: %w", context.DeadlineExceeded))
	tool.End(nil)
	tool.End(errors.New("late"))
	got := spans()["execute_tool search"]
	require.Equal(t, codes.Error, got.Status.Code)
	require.Equal(t, "searching: context deadline exceeded", got.Status.Description)
	require.Equal(t, "timeout", attributesOf(got)["error.type"])
}

func TestTheTextOfAnErrorIsCut(t *testing.T) {
	kit, spans := recorded()
	_, tool := kit.StartTool(t.Context(), "search")
	tool.End(errors.New(strings.Repeat("ä", 1000)))
	got := spans()["execute_tool search"].Status.Description
	require.LessOrEqual(t, len(got), 512)
	require.Equal(t, strings.Repeat("ä", 256), got)
}

func TestDoneTakesTheNamedError(t *testing.T) {
	kit, spans := recorded()
	work := func() (err error) {
		_, agent := kit.StartAgent(t.Context(), "planner")
		defer agent.Done(&err)
		return os.ErrNotExist
	}
	require.Error(t, work())
	require.Equal(t, codes.Error, spans()["invoke_agent planner"].Status.Code)
	func() {
		_, agent := kit.StartAgent(t.Context(), "simple")
		defer agent.Done(nil)
	}()
	require.Equal(t, codes.Unset, spans()["invoke_agent simple"].Status.Code)
}

func TestAPanicIsRecordedAndGoesOn(t *testing.T) {
	kit, spans := recorded()
	work := func() (err error) {
		_, agent := kit.StartAgent(t.Context(), "planner")
		defer agent.Done(&err)
		panic("no plan")
	}
	require.PanicsWithValue(t, "no plan", func() { _ = work() })
	got := spans()["invoke_agent planner"]
	require.Equal(t, "panic", attributesOf(got)["error.type"])
	require.Equal(t, "no plan", got.Status.Description)
	require.Len(t, got.Events, 1)
	require.Equal(t, "exception", got.Events[0].Name)
	stack := ""
	for _, a := range got.Events[0].Attributes {
		if a.Key == "exception.stacktrace" {
			stack = a.Value.AsString()
		}
	}
	require.Contains(t, stack, "TestAPanicIsRecordedAndGoesOn")
}

func TestOperationsMayEndConcurrently(t *testing.T) {
	kit, spans := recorded()
	_, tool := kit.StartTool(t.Context(), "search")
	done := make(chan struct{})
	for range 4 {
		go func() { tool.End(nil); done <- struct{}{} }()
	}
	for range 4 {
		<-done
	}
	require.Len(t, spans(), 1)
}

type named string

func (n named) Error() string     { return "named" }
func (n named) ErrorType() string { return string(n) }

func TestTypesOfErrorsAreOfABoundedNumber(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("some text with an id 4711"), "_OTHER"},
		{fmt.Errorf("asking for 4711: %w", errors.New("x")), "_OTHER"},
		{fmt.Errorf("asking: %w", context.Canceled), "canceled"},
		{fmt.Errorf("asking: %w", context.DeadlineExceeded), "timeout"},
		{fmt.Errorf("asking: %w", os.ErrDeadlineExceeded), "timeout"},
		{fmt.Errorf("asking: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), "*net.OpError"},
		{errors.Join(&net.DNSError{}, errors.New("x")), "*net.DNSError"},
		{fmt.Errorf("asking: %w", named("rate_limited")), "rate_limited"},
		{named("free text, 4711"), "sdk_test.named"},
		{named(strings.Repeat("x", 65)), "sdk_test.named"},
	} {
		require.Equal(t, c.want, sdk.ErrorType(c.err), "%v", c.err)
	}
}

func TestPackageFunctionsUseTheGlobalProvider(t *testing.T) {
	ctx, workflow := sdk.StartWorkflow(t.Context(), "report")
	ctx, agent := sdk.StartAgent(ctx, "writer")
	_, tool := sdk.StartTool(ctx, "search")
	_, call := sdk.StartInference(ctx, "openai", "gpt-4o-mini")
	for _, end := range []interface{ End(error) }{call, tool, agent, workflow} {
		end.End(nil)
	}
	require.False(t, workflow.Span().SpanContext().IsValid(), "no provider is installed")
}

func BenchmarkToolWithoutAProvider(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, tool := sdk.StartTool(b.Context(), "search")
		tool.End(nil)
	}
}

func BenchmarkTool(b *testing.B) {
	kit := sdk.New(sdktrace.NewTracerProvider(), nil)
	ctx, workflow := kit.StartWorkflow(b.Context(), "report")
	defer workflow.End(nil)
	b.ReportAllocs()
	for b.Loop() {
		_, tool := kit.StartTool(ctx, "search")
		tool.End(nil)
	}
}
