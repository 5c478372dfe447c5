package jaeger

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadata"
	"github.com/watchkeeper/watchkeeper/exporters/jaeger/internal/metadatatest"
)

func failing(code codes.Code, message string) func(int) (ptraceotlp.ExportResponse, error) {
	return func(int) (ptraceotlp.ExportResponse, error) {
		return ptraceotlp.NewExportResponse(), status.Error(code, message)
	}
}

func TestAFailureThatMayPassIsRetriedUntilJaegerTakesTheSpans(t *testing.T) {
	overBoth(t, func(t *testing.T, listen func(*testing.T, *server) string) {
		s := &server{answer: func(attempt int) (ptraceotlp.ExportResponse, error) {
			if attempt < 3 {
				return failing(codes.Unavailable, "starting")(attempt)
			}
			return accept(attempt)
		}}
		e := start(t, to(listen(t, s)))
		require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""}, [2]string{"b", ""})))
		require.Eventually(t, func() bool {
			attempts, received := s.seen()
			return attempts == 3 && len(received) == 2
		}, 10*time.Second, time.Millisecond)
	})
}

func TestAFailureThatWillNotPassIsNotRetriedAndCounted(t *testing.T) {
	for code, reason := range map[codes.Code]reason{codes.InvalidArgument: refusedMalformed, codes.Unauthenticated: refusedAuth} {
		t.Run(code.String(), func(t *testing.T) {
			overBoth(t, func(t *testing.T, listen func(*testing.T, *server) string) {
				s := &server{answer: failing(code, "never")}
				cfg := to(listen(t, s))
				cfg.QueueConfig = none()
				e := start(t, cfg)
				err := e.ConsumeTraces(t.Context(), traces([2]string{"a", ""}, [2]string{"b", ""}))
				require.ErrorContains(t, err, "never")
				require.True(t, consumererror.IsPermanent(err))
				attempts, _ := s.seen()
				require.Equal(t, 1, attempts)
				metadatatest.AssertEqualExporterJaegerRefusedSpans(t, e.telemetry,
					[]metricdata.DataPoint[int64]{{Value: 2, Attributes: attribute.NewSet(attribute.String("reason", string(reason)))}},
					metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
			})
		})
	}
}

func TestWorkflowsOnlyLeavesOtherTracesOutAndCountsThem(t *testing.T) {
	overBoth(t, func(t *testing.T, listen func(*testing.T, *server) string) {
		s := &server{answer: accept}
		cfg := to(listen(t, s))
		cfg.Traces, cfg.QueueConfig, cfg.MaxTraces = Workflows, none(), 1
		e := start(t, cfg)
		require.True(t, e.Capabilities().MutatesData)
		require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", "gen_ai.system"}, [2]string{"b", ""})))
		require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"b", ""})))

		attempts, received := s.seen()
		require.Equal(t, 1, attempts, "nothing is sent for a request without a workflow")
		require.Equal(t, []string{"a"}, received)
		metadatatest.AssertEqualExporterJaegerFilteredSpans(t, e.telemetry,
			points(2), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())

		require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"c", "gen_ai.system"})))
		metadatatest.AssertEqualExporterJaegerUnrememberedTraces(t, e.telemetry,
			points(1), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
	})
}

func TestSpansThatJaegerRejectsAreCountedAndEachMessageIsLoggedOnce(t *testing.T) {
	overBoth(t, func(t *testing.T, listen func(*testing.T, *server) string) {
		s := &server{answer: func(attempt int) (ptraceotlp.ExportResponse, error) {
			response := ptraceotlp.NewExportResponse()
			switch attempt {
			case 1, 2:
				response.PartialSuccess().SetRejectedSpans(1)
				response.PartialSuccess().SetErrorMessage("too old")
			case 3:
				response.PartialSuccess().SetErrorMessage("use another endpoint")
			case 4: // more than it was sent
				response.PartialSuccess().SetRejectedSpans(1_000_000)
				response.PartialSuccess().SetErrorMessage("too old")
			case 5:
				response.PartialSuccess().SetRejectedSpans(-5)
			}
			return response, nil
		}}
		cfg := to(listen(t, s))
		cfg.QueueConfig = none()
		core, logs := observer.New(zap.WarnLevel)
		e := startWith(t, cfg, zap.New(core))
		for range 5 {
			require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""}, [2]string{"b", ""})))
		}
		metadatatest.AssertEqualExporterJaegerRejectedSpans(t, e.telemetry,
			points(4), metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
		var said []string
		for _, entry := range logs.All() {
			said = append(said, fmt.Sprint(entry.ContextMap()["rejected_spans"], " ", entry.ContextMap()["message"]))
		}
		require.Equal(t, []string{"1 too old", "0 use another endpoint"}, said)
	})
}

func TestAServerWithANewMessageEachTimeIsNotLoggedForEver(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.Background())) })
	builder, err := metadata.NewTelemetryBuilder(telemetry.NewTelemetrySettings())
	require.NoError(t, err)
	p := newPartialSuccesses(zap.New(core), builder)
	say := func(at time.Time, text string) {
		response := ptraceotlp.NewExportResponse()
		response.PartialSuccess().SetErrorMessage(text)
		p.observe(t.Context(), at, response.PartialSuccess(), 1)
	}
	for i := range 10 * maxMessages {
		say(now, fmt.Sprint(i))
	}
	require.Equal(t, maxMessages, logs.Len())
	say(now.Add(messageSilence), "0")
	require.Equal(t, maxMessages+1, logs.Len(), "what was silent for long is news")
}

func TestTheRequestOverHTTPIsTheOneOfTheSpecification(t *testing.T) {
	s := &server{answer: accept}
	cfg := to(listenHTTP(t, s) + "/below/")
	cfg.http.Headers.Set("X-Tenant", "blue")
	cfg.QueueConfig = none()
	e := start(t, cfg)
	require.NoError(t, e.ConsumeTraces(t.Context(), traces([2]string{"a", ""})))
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, "/below/v1/traces", s.path)
	require.Equal(t, "application/x-protobuf", s.headers.Get("Content-Type"))
	require.Equal(t, "blue", s.headers.Get("X-Tenant"))
	require.Contains(t, s.headers.Get("User-Agent"), "/")
	require.Equal(t, []string{"a"}, s.received)
}

func TestARedirectIsNotFollowed(t *testing.T) {
	followed := make(chan struct{}, 1)
	elsewhere := listenHTTP(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed <- struct{}{} }))
	cfg := to(listenHTTP(t, http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect)))
	cfg.http.Headers.Set("Authorization", "Bearer secret")
	cfg.QueueConfig = none()
	err := start(t, cfg).ConsumeTraces(t.Context(), traces([2]string{"a", ""}))
	require.ErrorContains(t, err, fmt.Sprintf("the answer is 307 Temporary Redirect to %q: redirects are not followed", elsewhere))
	require.True(t, consumererror.IsPermanent(err))
	require.Empty(t, followed)
}

func TestSpansWithoutAParentGetALinkToTheirTrace(t *testing.T) {
	cfg := to("localhost:1")
	cfg.UIEndpoint = "http://localhost:16686/"
	sink := &consumed{}
	next, err := newFront(cfg, sink, nil)
	require.NoError(t, err)
	require.True(t, next.Capabilities().MutatesData)

	td := traces([2]string{"root", ""}, [2]string{"child", ""}, [2]string{"linked", "watchkeeper.trace.url"}, [2]string{"", ""})
	for i := range 4 {
		td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0).SetSpanID(pcommon.SpanID{7: byte(i + 1)})
	}
	td.ResourceSpans().At(1).ScopeSpans().At(0).Spans().At(0).SetParentSpanID(pcommon.SpanID{7: 1})
	require.NoError(t, next.ConsumeTraces(t.Context(), td))

	var links []string
	for i := range 4 {
		attributes := sink.td.ResourceSpans().At(i).ScopeSpans().At(0).Spans().At(0).Attributes()
		link, _ := attributes.AsRaw()["watchkeeper.trace.url"].(string)
		links = append(links, link)
	}
	require.Equal(t, []string{"http://localhost:16686/trace/726f6f74000000000000000000000000?uiFind=0000000000000001", "", "x", ""}, links)
}

func TestWithoutAPageNothingIsChanged(t *testing.T) {
	next, err := newFront(to("localhost:1"), &consumed{}, nil)
	require.NoError(t, err)
	require.False(t, next.Capabilities().MutatesData)
	td := traces([2]string{"root", ""})
	td.MarkReadOnly()
	require.NoError(t, next.ConsumeTraces(t.Context(), td))
}

func TestShutdownWorksTwiceAndWithoutStart(t *testing.T) {
	overBoth(t, func(t *testing.T, listen func(*testing.T, *server) string) {
		cfg := to(listen(t, &server{answer: accept}))
		storage := component.MustNewID("file_storage")
		for _, id := range []*component.ID{&storage, nil} {
			cfg.QueueConfig.Get().StorageID = id
			e, err := NewFactory().CreateTraces(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
			require.NoError(t, err)
			require.NoError(t, e.Shutdown(t.Context()))
			require.NoError(t, e.Shutdown(t.Context()))
		}
		running := start(t, cfg)
		require.NoError(t, running.Shutdown(t.Context()))
		require.NoError(t, running.Shutdown(t.Context()))
	})
}

// consumed is an exporter that keeps what it got last.
type consumed struct {
	component.StartFunc
	component.ShutdownFunc
	td ptrace.Traces
}

func (*consumed) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (c *consumed) ConsumeTraces(_ context.Context, td ptrace.Traces) error {
	c.td = td
	return nil
}
