package agenthealth

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// beating returns a receiver with one heartbeat check that has started on a free
// port.
func beating(t *testing.T) *agentHealth {
	t.Helper()
	cfg, err := load(t, "heartbeats")
	require.NoError(t, err)
	r, err := newAgentHealth(cfg, settings(), func() {})
	require.NoError(t, err)
	start(t, r)
	return r
}

func TestAHeartbeatMakesAnAgentHealthy(t *testing.T) {
	r := beating(t)
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
	r := beating(t)
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
