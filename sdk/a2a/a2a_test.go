package a2a_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2aclient"
	"github.com/a2aproject/a2a-go/v2/a2asrv"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/sdk"
	a2atrace "github.com/watchkeeper/watchkeeper/sdk/a2a"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// worker does what the text of a message says.
type worker struct{}

func (worker) Execute(_ context.Context, execution *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	text := execution.Message.Parts[0].Text()
	return func(yield func(a2a.Event, error) bool) {
		switch text {
		case "message":
			yield(a2a.NewMessage(a2a.MessageRoleAgent, a2a.NewTextPart("done")), nil)
			return
		case "error":
			yield(nil, errors.New("out of order"))
			return
		}
		if !yield(a2a.NewSubmittedTask(execution, execution.Message), nil) {
			return
		}
		if !yield(a2a.NewStatusUpdateEvent(execution, a2a.TaskStateWorking, nil), nil) {
			return
		}
		state := a2a.TaskStateCompleted
		switch text {
		case "fail":
			state = a2a.TaskStateFailed
		case "ask":
			state = a2a.TaskStateInputRequired
		}
		yield(a2a.NewStatusUpdateEvent(execution, state, nil), nil)
	}
}

func (worker) Cancel(_ context.Context, execution *a2asrv.ExecutorContext) iter.Seq2[a2a.Event, error] {
	return func(yield func(a2a.Event, error) bool) {
		yield(a2a.NewStatusUpdateEvent(execution, a2a.TaskStateCanceled, nil), nil)
	}
}

type both struct {
	*a2aclient.Client
	kit            sdk.Kit
	client, server *tracetest.InMemoryExporter
}

func connect(t *testing.T, wrap func(http.Handler) http.Handler) *both {
	b := &both{client: tracetest.NewInMemoryExporter(), server: tracetest.NewInMemoryExporter()}
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.client))
	b.kit = sdk.New(tracers, nil)
	handler := a2asrv.NewJSONRPCHandler(a2asrv.NewHandler(worker{}, a2asrv.WithCallInterceptors(
		a2atrace.Server(a2atrace.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.server)))))))
	if wrap != nil {
		handler = wrap(handler)
	}
	web := httptest.NewServer(handler)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		web.CloseClientConnections()
		web.Close()
	})
	card := &a2a.AgentCard{
		Name: "writer", Version: "1", Capabilities: a2a.AgentCapabilities{Streaming: true},
		SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface(web.URL, a2a.TransportProtocolJSONRPC)},
	}
	client, err := a2aclient.NewFromCard(t.Context(), card,
		a2aclient.WithJSONRPCTransport(&http.Client{Transport: transport}),
		a2aclient.WithCallInterceptors(a2atrace.Client(a2atrace.WithTracerProvider(tracers))))
	require.NoError(t, err)
	b.Client = client
	return b
}

func message(text string) *a2a.SendMessageRequest {
	return &a2a.SendMessageRequest{Message: a2a.NewMessage(a2a.MessageRoleUser, a2a.NewTextPart(text))}
}

// only waits for the one span that an exporter has.
func only(t *testing.T, e *tracetest.InMemoryExporter) tracetest.SpanStub {
	t.Helper()
	require.Eventually(t, func() bool { return len(e.GetSpans()) > 0 }, 10*time.Second, time.Millisecond)
	spans := e.GetSpans()
	require.Len(t, spans, 1)
	e.Reset()
	return spans[0]
}

func attributesOf(s tracetest.SpanStub) map[string]string {
	found := make(map[string]string)
	for _, a := range s.Attributes {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

func TestAMessageIsASpanOnEachSide(t *testing.T) {
	b := connect(t, nil)
	ctx, agent := b.kit.StartAgent(t.Context(), "planner")
	request := message("work")
	result, err := b.SendMessage(ctx, request)
	require.NoError(t, err)
	task := result.(*a2a.Task)

	sent, handled := only(t, b.client), only(t, b.server)
	require.Equal(t, "SendMessage", sent.Name)
	require.Equal(t, trace.SpanKindClient, sent.SpanKind)
	require.Equal(t, agent.Span().SpanContext().SpanID(), sent.Parent.SpanID())
	got := attributesOf(sent)
	require.NotEmpty(t, got["server.port"])
	delete(got, "server.port")
	want := map[string]string{
		"a2a.method.name": "SendMessage", "a2a.message.id": request.Message.ID, "a2a.task.id": string(task.ID),
		"a2a.task.state": "completed", "a2a.protocol.version": "1.0", "gen_ai.agent.name": "writer", "server.address": "127.0.0.1",
	}
	require.Equal(t, want, got)

	require.Equal(t, "SendMessage", handled.Name)
	require.Equal(t, trace.SpanKindServer, handled.SpanKind)
	require.Equal(t, sent.SpanContext.SpanID(), handled.Parent.SpanID())
	delete(want, "gen_ai.agent.name")
	delete(want, "server.address")
	require.Equal(t, want, attributesOf(handled))
}

func TestAStreamIsASpanToItsEnd(t *testing.T) {
	b := connect(t, nil)
	for text, state := range map[string]string{"work": "completed", "ask": "input_required", "message": ""} {
		for _, err := range b.SendStreamingMessage(t.Context(), message(text)) {
			require.NoError(t, err)
		}
		for _, s := range []tracetest.SpanStub{only(t, b.client), only(t, b.server)} {
			require.Equal(t, "SendStreamingMessage", s.Name)
			require.Equal(t, state, attributesOf(s)["a2a.task.state"])
			require.Equal(t, codes.Unset, s.Status.Code)
		}
	}
}

func TestAStreamThatNobodyReadsToItsEndEndsWithItsContext(t *testing.T) {
	b := connect(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	for range b.SendStreamingMessage(ctx, message("work")) {
		break
	}
	require.Empty(t, b.client.GetSpans())
	cancel()
	require.Equal(t, "SendStreamingMessage", only(t, b.client).Name)
}

func TestFailuresAreTold(t *testing.T) {
	b := connect(t, nil)
	_, err := b.SendMessage(t.Context(), message("fail"))
	require.NoError(t, err)
	for _, s := range []tracetest.SpanStub{only(t, b.client), only(t, b.server)} {
		require.Equal(t, codes.Error, s.Status.Code)
		require.Equal(t, "task_failed", attributesOf(s)["error.type"])
		require.Equal(t, "failed", attributesOf(s)["a2a.task.state"])
	}
	_, err = b.GetTask(t.Context(), &a2a.GetTaskRequest{ID: "no-such-task"})
	require.ErrorIs(t, err, a2a.ErrTaskNotFound)
	for _, s := range []tracetest.SpanStub{only(t, b.client), only(t, b.server)} {
		require.Equal(t, "GetTask", s.Name)
		require.Equal(t, codes.Error, s.Status.Code)
		require.Equal(t, "-32001", attributesOf(s)["error.type"])
		require.Equal(t, "no-such-task", attributesOf(s)["a2a.task.id"])
	}
	_, err = b.SendMessage(t.Context(), message("error"))
	require.Error(t, err)
	for _, s := range []tracetest.SpanStub{only(t, b.client), only(t, b.server)} {
		require.Equal(t, codes.Error, s.Status.Code)
		require.NotContains(t, attributesOf(s)["error.type"], " ")
	}
}

func TestASpanOfHTTPIsTheParent(t *testing.T) {
	web := tracetest.NewInMemoryExporter()
	b := connect(t, func(h http.Handler) http.Handler {
		return otelhttp.NewHandler(h, "a2a", otelhttp.WithPropagators(propagation.TraceContext{}),
			otelhttp.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(web))))
	})
	_, err := b.SendMessage(t.Context(), message("work"))
	require.NoError(t, err)
	sent, handled, between := only(t, b.client), only(t, b.server), only(t, web)
	require.Equal(t, sent.SpanContext.SpanID(), between.Parent.SpanID())
	require.Equal(t, between.SpanContext.SpanID(), handled.Parent.SpanID())
}

func TestOneInterceptorServesManyRequests(t *testing.T) {
	b := connect(t, nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := b.SendMessage(t.Context(), message("work"))
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.Len(t, b.client.GetSpans(), 8)
	require.Eventually(t, func() bool { return len(b.server.GetSpans()) == 8 }, 10*time.Second, time.Millisecond)
}

func TestAnInterceptorWithoutARequestIsHarmless(t *testing.T) {
	ctx := t.Context()
	require.NoError(t, a2atrace.Client().After(ctx, &a2aclient.Response{}))
	require.NoError(t, a2atrace.Server().After(ctx, nil, &a2asrv.Response{}))
	ctx, _, err := a2atrace.Client().Before(ctx, &a2aclient.Request{Method: "SendMessage", BaseURL: strings.Repeat("%", 3)})
	require.NoError(t, err)
	require.NoError(t, a2atrace.Client().After(ctx, &a2aclient.Response{}))
}
