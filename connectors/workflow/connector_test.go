package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
)

// rig is a connector with its outputs, as the Collector would build it.
type rig struct {
	t       *testing.T
	traces  consumertest.TracesSink
	metrics consumertest.MetricsSink
	logs    consumertest.LogsSink
	outputs []connector.Traces
}

// newRig makes and starts a connector with the outputs "traces", "metrics" and
// "logs", or those of them that are named.
func newRig(t *testing.T, configure func(*Config), outputs ...string) *rig {
	r := &rig{t: t}
	cfg := createDefaultConfig().(*Config)
	if configure != nil {
		configure(cfg)
	}
	require.NoError(t, cfg.Validate())
	if outputs == nil {
		outputs = []string{"metrics", "logs", "traces"}
	}
	f, set := NewFactory(), connectortest.NewNopSettings(metadata.Type)
	for _, name := range outputs {
		var o connector.Traces
		var err error
		switch name {
		case "traces":
			o, err = f.CreateTracesToTraces(t.Context(), set, cfg, &r.traces)
		case "metrics":
			o, err = f.CreateTracesToMetrics(t.Context(), set, cfg, &r.metrics)
		case "logs":
			o, err = f.CreateTracesToLogs(t.Context(), set, cfg, &r.logs)
		}
		require.NoError(t, err)
		r.outputs = append(r.outputs, o)
	}
	for _, o := range r.outputs {
		require.NoError(t, o.Start(t.Context(), componenttest.NewNopHost()))
	}
	return r
}

// send gives the spans to every output, as the Collector does: a copy to those
// that change them.
func (r *rig) send(td ptrace.Traces) {
	for _, o := range r.outputs {
		given := td
		if o.Capabilities().MutatesData {
			given = ptrace.NewTraces()
			td.CopyTo(given)
		}
		require.NoError(r.t, o.ConsumeTraces(r.t.Context(), given))
	}
}

func (r *rig) shutdown() {
	for _, o := range r.outputs {
		require.NoError(r.t, o.Shutdown(context.Background()))
	}
}

// values are those of the last metrics sent: name{labels} to value, of histograms
// the count.
func (r *rig) values() map[string]float64 {
	got := make(map[string]float64)
	all := r.metrics.AllMetrics()
	require.NotEmpty(r.t, all)
	for _, rm := range all[len(all)-1].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeSum:
					for _, dp := range m.Sum().DataPoints().All() {
						got[m.Name()+labelText(dp.Attributes())] = dp.DoubleValue()
					}
				case pmetric.MetricTypeGauge:
					for _, dp := range m.Gauge().DataPoints().All() {
						got[m.Name()+labelText(dp.Attributes())] = dp.DoubleValue()
					}
				case pmetric.MetricTypeHistogram:
					for _, dp := range m.Histogram().DataPoints().All() {
						got[m.Name()+labelText(dp.Attributes())] = float64(dp.Count())
					}
				}
			}
		}
	}
	return got
}

func labelText(a pcommon.Map) string {
	var parts []string
	for k, v := range a.All() {
		if v.AsString() != "" {
			parts = append(parts, k+"="+v.AsString())
		}
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

// fake makes spans of one trace in the GenAI conventions.
type fake struct {
	traces ptrace.Traces
	spans  ptrace.SpanSlice
	trace  byte
	start  time.Time
}

func newFake(service string, trace byte) *fake {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	return &fake{traces: td, spans: rs.ScopeSpans().AppendEmpty().Spans(), trace: trace, start: time.Now()}
}

func (f *fake) span(id, parent byte, name string, kind ptrace.SpanKind, attributes map[string]any) ptrace.Span {
	sp := f.spans.AppendEmpty()
	sp.SetTraceID(pcommon.TraceID{15: f.trace})
	sp.SetSpanID(pcommon.SpanID{7: id})
	if parent != 0 {
		sp.SetParentSpanID(pcommon.SpanID{7: parent})
	}
	sp.SetName(name)
	sp.SetKind(kind)
	sp.SetStartTimestamp(pcommon.NewTimestampFromTime(f.start.Add(time.Duration(id) * time.Millisecond)))
	sp.SetEndTimestamp(pcommon.NewTimestampFromTime(f.start.Add(time.Duration(300-int(id)) * time.Millisecond)))
	if err := sp.Attributes().FromRaw(attributes); err != nil {
		panic(err)
	}
	return sp
}

// workflow adds a workflow with an agent that asks a model and calls a tool over
// MCP, which a client and the tool's own span show.
func (f *fake) workflow() {
	f.span(1, 0, "invoke_workflow plan", ptrace.SpanKindInternal, map[string]any{
		"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "plan", "workflow.priority": "high",
	})
	f.span(2, 1, "invoke_agent planner", ptrace.SpanKindInternal, map[string]any{
		"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner",
	})
	f.span(3, 2, "chat gpt-4o-mini", ptrace.SpanKindClient, map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
		"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
		"gen_ai.input.messages": `[{"role":"user","parts":[{"type":"text","content":"a secret plan"}]}]`,
	})
	f.span(4, 2, "execute_tool search", ptrace.SpanKindInternal, map[string]any{
		"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search",
		"gen_ai.tool.call.arguments": `{"q":"a secret question"}`,
	})
	f.span(5, 4, "tools/call search", ptrace.SpanKindClient, map[string]any{
		"mcp.method.name": "tools/call", "gen_ai.tool.name": "search", "server.address": "tools.example",
	})
}

func TestEachThingIsCountedOnceWhateverTheOutputs(t *testing.T) {
	for _, outputs := range [][]string{
		{"metrics"}, {"metrics", "traces"}, {"traces", "metrics"}, {"logs", "metrics"}, {"metrics", "logs", "traces"},
	} {
		t.Run(strings.Join(outputs, "+"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil, outputs...)
				f := newFake("planner-service", 1)
				f.workflow()
				r.send(f.traces)
				time.Sleep(16 * time.Second)
				synctest.Wait()
				got := r.values()
				require.Equal(t, map[string]float64{
					"agent.workflow.executions{agent_id=planner complexity_tier=simple outcome=success workflow_type=plan}": 1,
					"agent.workflow.duration{complexity_tier=simple workflow_type=plan}":                                    1,
					"agent.workflow.oldest{}":                                            0,
					"agent.tool.calls{agent=planner status=success tool=search}":         1,
					"agent.tool.call.duration{agent=planner tool=search}":                1,
					"mcp.tool.calls{server=tools.example status=success tool=search}":    1,
					"mcp.tool.call.duration{server=tools.example tool=search}":           1,
					"gen_ai.tokens{model=gpt-4o-mini provider=openai token_type=input}":  100,
					"gen_ai.tokens{model=gpt-4o-mini provider=openai token_type=output}": 20,
					"gen_ai.cost.usd{model=gpt-4o-mini provider=openai}":                 got["gen_ai.cost.usd{model=gpt-4o-mini provider=openai}"],
					"gen_ai.price.lookups{status=exact}":                                 1,
				}, got)
				require.InDelta(t, (100*0.15+20*0.6)/1e6, got["gen_ai.cost.usd{model=gpt-4o-mini provider=openai}"], 1e-12)
				r.shutdown()
			})
		})
	}
}

func TestOpenWorkflowsAreToldWhileTheyRunAndAsZeroAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.StallTimeout, c.DetachedTimeout = 20*time.Second, 10*time.Minute })
		f := newFake("s", 1)
		f.workflow()
		root := ptrace.NewTraces()
		f.traces.CopyTo(root)
		isRoot := func(sp ptrace.Span) bool { return sp.ParentSpanID().IsEmpty() }
		f.spans.RemoveIf(isRoot)
		root.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(sp ptrace.Span) bool { return !isRoot(sp) })
		r.send(f.traces)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		got := r.values()
		require.Equal(t, 1.0, got["agent.active_workflows{workflow_type=planner}"])
		require.Equal(t, 1.0, got["agent.workflow.stalled{workflow_type=planner}"])
		require.InDelta(t, 30, got["agent.workflow.oldest{}"], 1)
		require.Equal(t, 1.0, got["agent.tool.calls{agent=planner status=success tool=search}"], "counted while it runs")
		require.Equal(t, 1, r.logs.LogRecordCount())
		record := r.logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, "workflow.stalled", record.EventName())
		require.Contains(t, record.Body().Str(), `Workflow "planner" has been silent for`)
		r.send(root)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		got = r.values()
		require.Zero(t, got["agent.active_workflows{workflow_type=planner}"])
		require.Contains(t, got, "agent.active_workflows{workflow_type=planner}")
		require.Equal(t, 1.0, got["agent.workflow.executions{agent_id=planner complexity_tier=simple outcome=success workflow_type=plan}"])
		r.shutdown()
	})
}

func TestSpansAreAnnotatedAndLoseNothingButContent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		f := newFake("s", 1)
		f.workflow()
		before := make(map[string]pcommon.Map)
		for _, sp := range f.spans.All() {
			before[sp.Name()] = sp.Attributes()
		}
		r.send(f.traces)
		require.Len(t, r.traces.AllTraces(), 1, "it passed at once")
		marked := 0
		for _, sp := range r.traces.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			for key, v := range before[sp.Name()].All() {
				now, there := sp.Attributes().Get(key)
				if key == "gen_ai.input.messages" || key == "gen_ai.tool.call.arguments" {
					require.False(t, there, key)
					continue
				}
				require.True(t, there, key)
				require.Equal(t, v.AsRaw(), now.AsRaw())
			}
			if _, on := sp.Attributes().Get(attrOnPath); on {
				marked++
			}
			switch sp.Name() {
			case "invoke_workflow plan":
				raw := sp.Attributes().AsRaw()
				require.Equal(t, "success", raw[attrOutcome])
				require.Equal(t, int64(2), raw[attrSteps])
				require.Equal(t, int64(1), raw[attrToolCalls])
				require.Equal(t, int64(100), raw[attrInput])
				require.NotEmpty(t, raw[attrPath])
				require.NotContains(t, raw, attrPriority, "nothing to keep it for")
			case "chat gpt-4o-mini":
				size, _ := sp.Attributes().Get(attrContent)
				require.Equal(t, int64(69), size.Int())
			case "tools/call search":
				peer, _ := sp.Attributes().Get(attrPeer)
				require.Equal(t, "tools.example", peer.Str())
			}
		}
		require.Positive(t, marked)
		r.shutdown()
	})
}

func TestContentStaysWhereItIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.KeepContent = true })
		f := newFake("s", 1)
		f.workflow()
		r.send(f.traces)
		_, there := r.traces.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(2).Attributes().Get("gen_ai.input.messages")
		require.True(t, there)
		r.shutdown()
	})
}

// loop adds a workflow whose agent calls one tool again and again.
func (f *fake) loop(times int, root bool) {
	if root {
		f.span(1, 0, "invoke_agent planner", ptrace.SpanKindInternal, map[string]any{
			"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner",
		})
	}
	for i := range times {
		f.span(byte(10+i), 1, "execute_tool search", ptrace.SpanKindInternal, map[string]any{
			"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.agent.name": "planner",
			"gen_ai.tool.call.arguments": `{"q":"the same"}`,
		})
	}
}

func TestLoopIsAnEventAMetricAndAReasonToKeepTheTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.UIEndpoint = "http://localhost:16686" })
		f := newFake("s", 7)
		f.loop(8, false)
		r.send(f.traces)
		time.Sleep(16 * time.Second)
		synctest.Wait()
		require.Equal(t, 1.0, r.values()["agent.workflow.loops{detector=repeat}"])
		require.Equal(t, 1, r.logs.LogRecordCount())
		record := r.logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		require.Equal(t, "workflow.loop", record.EventName())
		require.Equal(t, plog.SeverityNumberWarn, record.SeverityNumber())
		require.Equal(t, pcommon.TraceID{15: 7}, record.TraceID())
		raw := record.Attributes().AsRaw()
		require.Equal(t, "repeat", raw["detector"])
		require.Equal(t, []any{"search"}, raw["tools"])
		require.Contains(t, raw["watchkeeper.trace.url"], "http://localhost:16686/trace/00000000000000000000000000000007")
		require.NotContains(t, fmt.Sprint(raw), "the same", "of arguments only hashes")
		f = newFake("s", 7)
		f.loop(0, true)
		r.send(f.traces)
		passed := r.traces.AllTraces()
		priority, _ := passed[len(passed)-1].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().Get(attrPriority)
		require.Equal(t, int64(1), priority.Int())
		r.shutdown()
	})
}

func TestShutdownCountsWhatIsPendingAndWorksTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		f := newFake("s", 1)
		f.workflow()
		r.send(f.traces)
		r.shutdown()
		require.Equal(t, 1.0, r.values()["agent.tool.calls{agent=planner status=success tool=search}"])
		require.Equal(t, 1.0, r.values()["agent.workflow.executions{agent_id=planner complexity_tier=simple outcome=success workflow_type=plan}"])
		sent := len(r.metrics.AllMetrics())
		r.shutdown()
		require.Len(t, r.metrics.AllMetrics(), sent)
	})
	f, set := NewFactory(), connectortest.NewNopSettings(metadata.Type)
	o, err := f.CreateTracesToMetrics(t.Context(), set, f.CreateDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, o.Shutdown(t.Context()), "without start")
}

func TestRefusedEventsComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := 3
		var taken []plog.Logs
		next, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
			if refusals--; refusals >= 0 {
				return errors.New("not now")
			}
			taken = append(taken, logs)
			return nil
		})
		require.NoError(t, err)
		factory := NewFactory()
		o, err := factory.CreateTracesToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type), factory.CreateDefaultConfig(), next)
		require.NoError(t, err)
		require.NoError(t, o.Start(t.Context(), componenttest.NewNopHost()))
		f := newFake("s", 1)
		f.loop(8, false)
		require.NoError(t, o.ConsumeTraces(t.Context(), f.traces))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Len(t, taken, 1)
		require.Equal(t, 1, taken[0].LogRecordCount())
		require.NoError(t, o.Shutdown(t.Context()))
	})
}

func TestNamesBeyondTheBoundOverflowAndOldOnesStayExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.MaxSeries = 10 }, "metrics")
		const n = 5000
		for i := range n {
			f := newFake("s", 0)
			sp := f.span(1, 0, "execute_tool", ptrace.SpanKindInternal, map[string]any{
				"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": fmt.Sprint("tool-", i),
			})
			sp.SetTraceID(pcommon.TraceID{0: 1, 14: byte(i >> 8), 15: byte(i)})
			r.send(f.traces)
			if i == 0 {
				time.Sleep(16 * time.Second) // this one is counted before the others come
			}
		}
		time.Sleep(16 * time.Second)
		synctest.Wait()
		got := r.values()
		require.Equal(t, float64(n-10), got["agent.tool.calls{otel.metric.overflow=true}"])
		require.Equal(t, 1.0, got["agent.tool.calls{status=success tool=tool-0}"])
		total := 0.0
		for name, v := range got {
			if strings.HasPrefix(name, "agent.tool.calls{") {
				total += v
			}
		}
		require.Equal(t, float64(n), total)
		r.shutdown()
	})
}

func TestUnknownPricesFileIsAnErrorOfOneLine(t *testing.T) {
	f := NewFactory()
	cfg := f.CreateDefaultConfig().(*Config)
	cfg.PricesFile = "testdata/none.csv"
	_, err := f.CreateTracesToMetrics(t.Context(), connectortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	require.ErrorContains(t, err, `prices_file: opening the price table: open testdata/none.csv`)
}

func TestALoopIsStillSeenBehindACollectorThatRemovesArguments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		edge, center := newRig(t, nil, "traces"), newRig(t, nil, "metrics")
		f := newFake("s", 7)
		f.loop(8, true)
		edge.send(f.traces)
		center.send(edge.traces.AllTraces()[0])
		time.Sleep(16 * time.Second)
		synctest.Wait()
		require.Equal(t, 1.0, center.values()["agent.workflow.loops{detector=repeat}"])
		edge.shutdown()
		center.shutdown()
	})
}
