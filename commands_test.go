package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestTheWorstVerdictDecidesTheExitStatus(t *testing.T) {
	verdicts := func(states ...check.State) (out []check.Snapshot) {
		for _, s := range states {
			out = append(out, check.Snapshot{State: s})
		}
		return out
	}
	require.Equal(t, 0, statusOf(verdicts(check.Healthy, check.Healthy)))
	require.Equal(t, 1, statusOf(verdicts(check.Healthy, check.Degraded)))
	require.Equal(t, 3, statusOf(verdicts(check.Degraded, check.Unknown)))
	require.Equal(t, 2, statusOf(verdicts(check.Unknown, check.Unhealthy, check.Degraded)))
}

var examples = []check.Snapshot{
	{
		Name: "db", Type: "postgres", Critical: true, State: check.Healthy, Duration: 12345 * time.Microsecond,
		Steps: []check.Step{{Name: "connect", Duration: 10 * time.Millisecond}, {Name: "query", Duration: 345 * time.Microsecond}},
	},
	{
		Name: "cache", Type: "redis", State: check.Unhealthy, Duration: 3 * time.Second,
		Reason: "connect: connection refused", ErrorType: check.Refused,
	},
}

func TestTheTableIsForPeople(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, renderTable(&out, examples))
	require.Equal(t, "CHECK  VERDICT    TIME    STEPS                      REASON\n"+
		"db     healthy    12.3ms  connect 10ms, query 345µs  \n"+
		"cache  unhealthy  3s                                 connect: connection refused\n", out.String())
}

func TestTheJSONIsForPrograms(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, renderJSON(&out, examples))
	var got []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Equal(t, []map[string]any{
		{
			"name": "db", "type": "postgres", "critical": true, "state": "healthy", "duration_seconds": 0.012345,
			"steps": []any{
				map[string]any{"name": "connect", "duration_seconds": 0.01},
				map[string]any{"name": "query", "duration_seconds": 0.000345},
			},
		},
		{
			"name": "cache", "type": "redis", "critical": false, "state": "unhealthy", "duration_seconds": 3.0,
			"reason": "connect: connection refused", "error_type": "refused", "steps": []any{},
		},
	}, got)
}

func TestMisuseOfCheckHasAStatusOfItsOwn(t *testing.T) {
	for _, args := range [][]string{
		{"check"},
		{"check", "--config", "file:does-not-exist.yaml"},
		{"check", "--output", "xml", "--config", "configs/agent.yaml"},
		{"check", "--no-such-flag"},
		{"check", "surplus"},
		{"check", "--config", "yaml:receivers: {nop: }"},
	} {
		var told, stderr bytes.Buffer
		require.Equal(t, 3, report(run(args, &stderr), &told), args)
		require.Equal(t, 1, strings.Count(told.String(), "\n"), "%v: %s", args, &told)
	}
}

func TestReportTellsAnErrorOnceAndNothingOfSuccess(t *testing.T) {
	var told bytes.Buffer
	require.Equal(t, 0, report(nil, &told))
	require.Equal(t, 2, report(exit{status: 2}, &told))
	require.Empty(t, told.String())
	require.Equal(t, 1, report(errors.New("a\nb"), &told))
	require.Equal(t, "watchkeeper: a; b\n", told.String())
}

func TestDoctorFindsAPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	state := t.TempDir()
	t.Setenv("WATCHKEEPER_STATE_DIR", filepath.Join(state, "not", "yet"))
	t.Setenv("WATCHKEEPER_PROMETHEUS_ENDPOINT", taken.Addr().String())
	t.Setenv("WATCHKEEPER_OTLP_GRPC_ENDPOINT", "127.0.0.1:0")
	t.Setenv("WATCHKEEPER_OTLP_HTTP_ENDPOINT", "127.0.0.1:0")
	t.Setenv("WATCHKEEPER_HEALTH_ENDPOINT", "127.0.0.1:0")
	t.Setenv("JAEGER_ENDPOINT", taken.Addr().String())

	grades := make(map[string]grade)
	for _, f := range examine(t.Context(), settings(), []string{"configs/agent.yaml"}) {
		grades[f.what] = f.grade
		require.NotContains(t, f.detail, "\n")
	}
	require.Equal(t, fine, grades["configuration"])
	require.Equal(t, fail, grades["exporters::prometheus::endpoint"])
	require.Equal(t, fine, grades["receivers::otlp::protocols::grpc::endpoint"])
	require.Equal(t, fine, grades["exporters::jaeger::endpoint"])
	require.Equal(t, fine, grades["extensions::file_storage::directory"])
	require.Contains(t, grades, "receivers::agent_process")
	left, err := os.ReadDir(state)
	require.NoError(t, err)
	require.Empty(t, left, "it leaves nothing behind")
}

func TestDoctorSaysWhatIsWrongWithAConfiguration(t *testing.T) {
	findings := examine(t.Context(), settings(), []string{"yaml:receivers: {nothing_like_it: }"})
	require.Len(t, findings, 1)
	require.Equal(t, fail, findings[0].grade)
	require.Contains(t, findings[0].detail, "nothing_like_it")
}
