package agenthealth

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadatatest"
)

// beating returns a receiver with one heartbeat check that has started on a free
// port.
func beating(t *testing.T, key string) *agentHealth {
	t.Helper()
	cfg, err := load(t, key)
	require.NoError(t, err)
	r, err := newAgentHealth(cfg, settings(), func() {})
	require.NoError(t, err)
	start(t, r)
	return r
}

func TestAHeartbeatMakesAnAgentHealthy(t *testing.T) {
	r := beating(t, "heartbeats")
	post := func(name string) int {
		response, err := http.Post("http://"+r.heartbeats.String()+"/heartbeat/"+name, "text/plain", strings.NewReader("step 1"))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusNotFound, post("stranger"))
	require.Equal(t, http.StatusNoContent, post("worker"))
	http.DefaultClient.CloseIdleConnections()
	require.Eventually(t, func() bool { return r.engine.Snapshots()[0].State == check.Healthy }, 10*time.Second, time.Millisecond)
}

func TestTheServerForHeartbeatsStopsWithTheReceiver(t *testing.T) {
	r := beating(t, "heartbeats")
	address := r.heartbeats.String()
	host, _, err := net.SplitHostPort(address)
	require.NoError(t, err)
	require.True(t, net.ParseIP(host).IsLoopback())
	require.NoError(t, r.Shutdown(t.Context()))
	_, err = net.Dial("tcp", address)
	require.Error(t, err)
}

func TestThereIsNoServerForHeartbeatsWithoutSuchACheck(t *testing.T) {
	cfg, err := load(t, "smallest")
	require.NoError(t, err)
	r, err := newAgentHealth(cfg, settings(), func() {})
	require.NoError(t, err)
	start(t, r)
	require.Nil(t, r.heartbeats)
}

func TestAnAddressInUseFailsTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	defer taken.Close()
	cfg, err := load(t, "heartbeats")
	require.NoError(t, err)
	cfg.HeartbeatServer.NetAddr.Endpoint = taken.Addr().String()
	r, err := newAgentHealth(cfg, settings(), func() {})
	require.NoError(t, err)
	require.ErrorContains(t, r.Start(t.Context(), componenttest.NewNopHost()), "heartbeat_server: listen tcp")
	require.NoError(t, r.Shutdown(t.Context()))
}

// compressed is a request with one span of a service as exporters send it.
func compressed(t *testing.T, service string, padding int) *bytes.Buffer {
	t.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", service)
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(strings.Repeat("x", padding))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	require.NoError(t, err)
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, err = writer.Write(body)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return &zipped
}

func TestTelemetryMakesAnAgentHealthy(t *testing.T) {
	tel := componenttest.NewTelemetry()
	cfg, err := load(t, "telemetry_heartbeats")
	require.NoError(t, err)
	set := settings()
	set.TelemetrySettings = tel.NewTelemetrySettings()
	r, err := newAgentHealth(cfg, set, func() {})
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(body io.Reader) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.heartbeats.String()+"/v1/traces", body)
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-protobuf")
		request.Header.Set("Content-Encoding", "gzip")
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, send(compressed(t, "stranger", 1)))
	require.Equal(t, http.StatusBadRequest, send(strings.NewReader("no gzip")))
	bomb := compressed(t, "worker", 64<<20)
	require.Less(t, bomb.Len(), 100<<10)
	require.Equal(t, http.StatusRequestEntityTooLarge, send(bomb))
	require.NotEqual(t, check.Healthy, r.engine.Snapshots()[0].State)
	require.Equal(t, http.StatusOK, send(compressed(t, "worker", 1)))
	require.Eventually(t, func() bool { return r.engine.Snapshots()[0].State == check.Healthy }, 10*time.Second, time.Millisecond)

	count := func(signal string, value int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(attribute.String("signal", signal))}
	}
	metadatatest.AssertEqualReceiverAgentHealthUnexpectedHeartbeats(t, tel, []metricdata.DataPoint[int64]{
		count("call", 0), count("traces", 1), count("metrics", 0), count("logs", 0),
	}, metricdatatest.IgnoreTimestamp())
	metadatatest.AssertEqualReceiverAgentHealthUntrackedInstances(t, tel, []metricdata.DataPoint[int64]{{}}, metricdatatest.IgnoreTimestamp())
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, tel.Shutdown(context.Background()))
}

func TestTheEventSaysWhatAilsTheAgent(t *testing.T) {
	r := withChecks(t, settings())
	got := newEvents(r).logs(transition{Name: "planner", State: check.Unhealthy, Previous: check.Healthy, Condition: "silent"})
	condition, _ := got.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("heartbeat.condition")
	require.Equal(t, "silent", condition.Str())
	require.NoError(t, r.Shutdown(t.Context()))
}
