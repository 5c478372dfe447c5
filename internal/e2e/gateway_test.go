package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// soon has a call counted a second after its last span, not five.
const soon = `
connectors:
  workflow: {settle: 1s}
`

// doors is an agent, the two gateways behind it, and the Jaeger behind these. The
// agent knows the first gateway.
type doors struct {
	agent    *watchkeeper
	gateways [2]*gateway
	store    *peers.JaegerServer
	jaeger   jaeger
}

// gateway is one gateway. Its own telemetry is at telemetry.
type gateway struct {
	*watchkeeper
	telemetry string
}

// sampling is what the tests say about deciding.
type sampling struct {
	// percent of the traces that no policy wants are kept.
	percent int
	// wait is how long a trace without a root is undecided.
	wait time.Duration
}

func openDoors(t *testing.T, s sampling) *doors {
	t.Helper()
	d := &doors{store: peers.Jaeger(t)}
	d.jaeger = jaeger{url: "http://" + d.store.Query}
	tails := []string{peers.FreeEndpoint(t), peers.FreeEndpoint(t)}
	for i, own := range tails {
		d.gateways[i] = startGateway(t, d.store, own, tails, s)
	}
	d.agent = startWatchkeeper(t, shipped(t, "agent-to-gateway.yaml"), map[string]string{
		"WATCHKEEPER_INTERVAL": "1s",
		"WATCHKEEPER_GATEWAY":  d.gateways[0].otlpGRPC,
	})
	return d
}

func startGateway(t *testing.T, store *peers.JaegerServer, tail string, tails []string, s sampling) *gateway {
	t.Helper()
	overlay := filepath.Join(t.TempDir(), "soon.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(soon), 0o600))
	g := &gateway{telemetry: peers.FreeEndpoint(t)}
	_, port, err := net.SplitHostPort(g.telemetry)
	require.NoError(t, err)
	g.watchkeeper = startWatchkeeper(t, append(shipped(t, "gateway.yaml"), "--config", overlay), map[string]string{
		"WATCHKEEPER_INTERVAL":                 "1s",
		"WATCHKEEPER_TAIL_ENDPOINT":            tail,
		"WATCHKEEPER_GATEWAYS":                 strings.Join(tails, ","),
		"WATCHKEEPER_DECISION_WAIT":            s.wait.String(),
		"WATCHKEEPER_DECISION_WAIT_AFTER_ROOT": "3s",
		"WATCHKEEPER_KEEP_PERCENT":             strconv.Itoa(s.percent),
		"WATCHKEEPER_TELEMETRY_PORT":           port,
		"JAEGER_ENDPOINT":                      store.OTLP,
	})
	return g
}

func TestATraceThatComesThroughEveryDoorIsWhole(t *testing.T) {
	const calls = 12
	d := openDoors(t, sampling{percent: 0, wait: 5 * time.Minute})
	entries := []*watchkeeper{d.agent, d.gateways[0].watchkeeper, d.gateways[1].watchkeeper}

	trace := newStory(1)
	var sent []ptrace.Traces
	for i := range calls {
		call := trace.toolCall(i, fmt.Sprintf("tool %d", i%3), "")
		if i == 0 {
			call.Status().SetCode(ptrace.StatusCodeError)
		}
		td := alone(call)
		entries[i%len(entries)].send(t, td)
		sent = append(sent, td)
	}
	// A root says what is known when it passes, so the rest has to be there.
	d.eventuallyCounted(t, "agent_tool_calls_total", calls)
	root := alone(trace.root(time.Second))
	root.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Status().SetCode(ptrace.StatusCodeError)
	d.agent.send(t, root)

	want := plain(root)
	for _, td := range sent {
		maps.Copy(want, plain(td))
	}
	var got map[spanKey]plainSpan
	require.Eventually(t, func() bool {
		got = inJaeger(t, d.jaeger, want)
		return len(got) >= len(want)
	}, time.Minute, 200*time.Millisecond)
	require.Len(t, got, calls+1)
	top := got[spanKey{trace.id, rootID}]
	require.Equal(t, "failed", top.Attributes["watchkeeper.workflow.outcome"])
	require.Equal(t, strconv.Itoa(calls), top.Attributes["watchkeeper.workflow.tool_calls"])
	require.Equal(t, "1", top.Attributes["watchkeeper.workflow.failures"])
	for key, span := range got {
		require.NotContains(t, span.Attributes, "gen_ai.tool.call.arguments", "%v", key)
	}

	// One gateway had all of it, and no call is counted twice.
	d.eventuallyCounted(t, "agent_workflow_executions_total", 1)
	require.InDelta(t, calls, d.counted(t, "agent_tool_calls_total"), 0)
	text, err := d.agent.scrape(t.Context())
	require.NoError(t, err)
	require.NotContains(t, text, "agent_tool_calls_total", "the agent counts no workflows")
}

func TestWhatIsUnusualIsKeptAndTheRestIsNot(t *testing.T) {
	d := openDoors(t, sampling{percent: 0, wait: 5 * time.Minute})
	front := d.gateways[1]
	const ordinary = 20
	var dropped, kept []ptrace.Traces
	for i := range ordinary {
		s := newStory(100 + i)
		td := together(s.toolCall(0, "search", ""), s.root(time.Second))
		front.send(t, td)
		dropped = append(dropped, td)
	}
	d.eventuallyCounted(t, "agent_workflow_executions_total", ordinary)

	failed := newStory(1)
	broken := failed.toolCall(0, "search", "")
	broken.Status().SetCode(ptrace.StatusCodeError)
	kept = append(kept, together(broken, failed.root(time.Second)))
	slow := newStory(2)
	kept = append(kept, together(slow.toolCall(0, "search", ""), slow.root(31*time.Second)))
	for _, td := range kept {
		front.send(t, td)
	}
	// A loop is told by what comes after it was found. The agent removes the arguments
	// by which it is found.
	loop := newStory(3)
	var repeated []ptrace.Span
	for i := range 8 {
		repeated = append(repeated, loop.toolCall(i, "search", `{"query":"the same"}`))
	}
	circle := together(repeated...)
	d.agent.send(t, circle)
	d.eventuallyCounted(t, "agent_workflow_loops_total", 1)
	end := alone(loop.root(time.Second))
	d.agent.send(t, end)
	kept = append(kept, circle, end)

	want := make(map[spanKey]plainSpan)
	for _, td := range kept {
		maps.Copy(want, plain(td))
	}
	require.Eventually(t, func() bool { return len(inJaeger(t, d.jaeger, want)) >= len(want) }, time.Minute, 200*time.Millisecond)
	d.eventuallyOwn(t, "otelcol_processor_tail_sampling_global_count_traces_sampled", `sampled="true"`, 3)
	d.eventuallyOwn(t, "otelcol_processor_tail_sampling_global_count_traces_sampled", `sampled="false"`, ordinary)
	for _, td := range dropped {
		require.Empty(t, inJaeger(t, d.jaeger, plain(td)))
	}
}

// TestNothingThatWasDecidedOrQueuedIsLostByAKill takes 2,000 spans through an agent
// while Jaeger is away. In the middle a gateway is killed that has decided about its
// share of the first half. The second half comes while it is dead.
func TestNothingThatWasDecidedOrQueuedIsLostByAKill(t *testing.T) {
	const traces, spansEach = 40, 50
	d := openDoors(t, sampling{percent: 100, wait: 5 * time.Minute})
	d.store.Stop()
	var acknowledged []ptrace.Traces
	stream := func(from, to int) {
		for number := from; number < to; number++ {
			s := newStory(number)
			spans := []ptrace.Span{}
			for i := range spansEach - 1 {
				spans = append(spans, s.toolCall(i, "search", ""))
			}
			for piece := range slices.Chunk(append(spans, s.root(time.Second)), 10) {
				td := together(piece...)
				d.agent.send(t, td)
				acknowledged = append(acknowledged, td)
			}
		}
	}
	stream(0, traces/2)
	d.eventuallyOwn(t, "otelcol_processor_tail_sampling_global_count_traces_sampled", `sampled="true"`, traces/2)
	d.gateways[1].Kill()
	stream(traces/2, traces)
	d.store.Start()
	d.gateways[1].Start()

	want := make(map[spanKey]plainSpan)
	for _, td := range acknowledged {
		maps.Copy(want, plain(td))
	}
	require.Len(t, want, traces*spansEach)
	require.Eventually(t, func() bool { return len(inJaeger(t, d.jaeger, want)) >= len(want) }, time.Minute, 500*time.Millisecond)
}

// TestASpanThatIsUndecidedOutlivesAnOrderlyEnd: both gateways are ended as systemd
// ends them, while no trace of theirs has its root.
func TestASpanThatIsUndecidedOutlivesAnOrderlyEnd(t *testing.T) {
	const traces, spansEach = 20, 10
	d := openDoors(t, sampling{percent: 100, wait: 10 * time.Minute})
	want := make(map[spanKey]plainSpan)
	for number := range traces {
		s := newStory(number)
		for i := range spansEach {
			td := alone(s.toolCall(i, "search", ""))
			d.agent.send(t, td)
			maps.Copy(want, plain(td))
		}
	}
	d.eventuallyCounted(t, "agent_tool_calls_total", traces*spansEach)
	require.Empty(t, inJaeger(t, d.jaeger, want), "nothing was decided")
	for _, g := range d.gateways {
		g.Stop()
	}
	// What the exporters could not send any more is on disk.
	for _, g := range d.gateways {
		g.Start()
	}
	require.Eventually(t, func() bool { return len(inJaeger(t, d.jaeger, want)) >= len(want) }, time.Minute, 500*time.Millisecond)
}

// TestAKillLosesNothingThatIsUndecided kills both gateways, one after the other and
// twice each, in the middle of a stream of 2,000 spans of traces that have no root
// yet, and ends the stream with the roots.
func TestAKillLosesNothingThatIsUndecided(t *testing.T) {
	const traces, spansEach, kills = 40, 50, 2
	d := openDoors(t, sampling{percent: 100, wait: 10 * time.Minute})
	want := make(map[spanKey]plainSpan)
	stories := make([]*story, traces)
	for number := range stories {
		stories[number] = newStory(number)
	}
	send := func(spans ...ptrace.Span) {
		td := together(spans...)
		d.agent.send(t, td)
		maps.Copy(want, plain(td))
	}
	for i := range spansEach - 1 {
		for _, s := range stories {
			send(s.toolCall(i, "search", ""))
		}
		if (i+1)%(spansEach/(kills+1)) == 0 && i < spansEach-2 {
			require.Empty(t, inJaeger(t, d.jaeger, want), "nothing was decided")
			for _, g := range d.gateways {
				g.Kill()
				g.Start()
			}
		}
	}
	for _, s := range stories {
		send(s.root(time.Second))
	}
	require.Len(t, want, traces*spansEach)
	require.Eventually(t, func() bool { return len(inJaeger(t, d.jaeger, want)) >= len(want) }, time.Minute, 500*time.Millisecond)
}

// TestAnAgentAndTwoGatewaysCountAsOneGatewayDoes sends the traces of real frameworks
// once through an agent and two gateways, and once to one gateway alone.
func TestAnAgentAndTwoGatewaysCountAsOneGatewayDoes(t *testing.T) {
	d := openDoors(t, sampling{percent: 100, wait: 5 * time.Minute})
	tail := peers.FreeEndpoint(t)
	single := startGateway(t, d.store, tail, []string{tail}, sampling{percent: 100, wait: 5 * time.Minute})
	for _, td := range captures(t) {
		d.agent.send(t, td)
		single.send(t, td)
	}
	families := []string{
		"agent_tool_calls_total", "mcp_tool_calls_total", "gen_ai_tokens_total",
		"agent_workflow_executions_total", "errors_total", "agent_tool_call_duration_seconds_count",
	}
	spans := 0
	for _, td := range captures(t) {
		spans += td.SpanCount()
	}
	require.Eventually(t, func() bool {
		const came = "otelcol_connector_workflow_spans" // more than once, if a request was sent again
		return single.own(t, came, "") >= float64(spans) &&
			d.gateways[0].own(t, came, "")+d.gateways[1].own(t, came, "") >= float64(spans)
	}, 30*time.Second, 200*time.Millisecond)
	// The last calls are counted some time after their spans: what is compared must
	// have stood still.
	var before, want, got map[string]float64
	require.Eventually(t, func() bool {
		before = want
		want, got = make(map[string]float64), make(map[string]float64)
		single.add(t, want, families)
		for _, g := range d.gateways {
			g.add(t, got, families)
		}
		return len(want) > 20 && maps.Equal(before, want) && maps.Equal(want, got)
	}, 45*time.Second, 3*time.Second, "%s", difference(func() (a, b map[string]float64) { return want, got }))
}

// difference tells, when it is printed, where two maps differ.
type difference func() (want, got map[string]float64)

func (d difference) String() string {
	want, got := d()
	var text strings.Builder
	for _, series := range slices.Sorted(maps.Keys(want)) {
		if want[series] != got[series] {
			fmt.Fprintf(&text, "%s is %v, and not %v\n", series, got[series], want[series])
		}
	}
	for _, series := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[series]; !ok {
			fmt.Fprintf(&text, "%s is %v, and should not be\n", series, got[series])
		}
	}
	return text.String()
}

// counted sums a metric over the scrapes of both gateways.
func (d *doors) counted(t *testing.T, family string) (sum float64) {
	t.Helper()
	for _, g := range d.gateways {
		series := make(map[string]float64)
		g.add(t, series, []string{family})
		for _, value := range series {
			sum += value
		}
	}
	return sum
}

func (d *doors) eventuallyCounted(t *testing.T, family string, want float64) {
	t.Helper()
	require.Eventually(t, func() bool { return d.counted(t, family) >= want }, 45*time.Second, 200*time.Millisecond, "%s of %v", family, want)
	require.InDelta(t, want, d.counted(t, family), 0, family)
}

// eventuallyOwn waits until a metric that the gateways have of themselves sums up.
func (d *doors) eventuallyOwn(t *testing.T, family, label string, want float64) {
	t.Helper()
	sum := 0.0
	require.Eventually(t, func() bool {
		sum = d.gateways[0].own(t, family, label) + d.gateways[1].own(t, family, label)
		return sum >= want
	}, 45*time.Second, 200*time.Millisecond, "%s{%s} of %v", family, label, want)
	require.InDelta(t, want, sum, 0, family)
}

// add adds the series of these metrics, as scraped, to what is there already.
func (g *gateway) add(t *testing.T, to map[string]float64, families []string) {
	t.Helper()
	text, err := g.scrape(t.Context())
	if err != nil {
		to["not scraped"] = math.NaN()
		t.Logf("scraping a gateway: %v", err)
	}
	for series, value := range parsed(text, families) {
		to[series] += value
	}
}

// own sums what the gateway's own telemetry has of a metric in the series with this
// text in their labels.
func (g *gateway) own(t *testing.T, family, label string) (sum float64) {
	t.Helper()
	text, err := page(t.Context(), "http://"+g.telemetry+"/metrics")
	if err != nil {
		t.Logf("asking a gateway about itself: %v", err)
		return math.NaN()
	}
	for series, value := range parsed(text, []string{family, family + "_total"}) {
		if strings.Contains(series, label) {
			sum += value
		}
	}
	return sum
}

// page returns the text at an address.
func page(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// parsed reads the samples of some metrics from the text that Prometheus gets.
func parsed(text string, families []string) map[string]float64 {
	found := make(map[string]float64)
	for line := range strings.Lines(text) {
		at := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		family := line[:max(0, strings.IndexAny(line, "{ "))]
		if at < 0 || !slices.Contains(families, family) {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			value = math.NaN()
		}
		found[line[:at]] += value
	}
	return found
}
