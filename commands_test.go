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

// diagnosed returns what doctor finds of a configuration, by what it looked at. The
// parts are the text of each section in YAML.
func diagnosed(t *testing.T, yaml string) map[string]finding {
	t.Helper()
	found := make(map[string]finding)
	for _, f := range examine(t.Context(), settings(), []string{"yaml:" + yaml}) {
		require.NotContains(t, f.detail, "\n")
		found[f.what] = f
	}
	return found
}

func TestDoctorLooksAtWhatIsUsedAndKnowsTheDefaults(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	found := diagnosed(t, `{receivers: {agent_health: {heartbeat_server: {endpoint: "`+taken.Addr().String()+`"}, checks: {a: {heartbeat: {}}}},
		agent_health/quiet: {heartbeat_server: {endpoint: "`+taken.Addr().String()+`"}, checks: {a: {system: {}}}},
		otlp/unused: {protocols: {grpc: {endpoint: "`+taken.Addr().String()+`"}}}},
		exporters: {prometheus: {}}, service: {pipelines: {metrics: {receivers: [agent_health, agent_health/quiet], exporters: [prometheus]}}}}`)
	require.Equal(t, fine, found["configuration"].grade)
	require.Equal(t, fail, found["receivers::agent_health::heartbeat_server::endpoint"].grade)
	require.NotContains(t, found, "receivers::agent_health/quiet::heartbeat_server::endpoint", "no check waits for heartbeats")
	require.NotContains(t, found, "receivers::otlp/unused::protocols::grpc::endpoint")
	require.Contains(t, found["exporters::prometheus::endpoint"].detail, "localhost:8889")
}

func TestDoctorFindsAnAddressThatIsUsedTwice(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	found := diagnosed(t, `{receivers: {otlp: {protocols: {grpc: {endpoint: "`+address+`"}, http: {endpoint: "`+address+`"}}}},
		exporters: {nop: }, service: {pipelines: {logs: {receivers: [otlp], exporters: [nop]}}}}`)
	require.Equal(t, fine, found["receivers::otlp::protocols::grpc::endpoint"].grade)
	require.Equal(t, finding{fail, "receivers::otlp::protocols::http::endpoint", address + " is that of receivers::otlp::protocols::grpc::endpoint too: choose another address"},
		found["receivers::otlp::protocols::http::endpoint"])
}

func TestDoctorSaysWhichServersAreAway(t *testing.T) {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer there.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	away := gone.Addr().String()
	require.NoError(t, gone.Close())
	found := diagnosed(t, `{receivers: {agent_health: {heartbeat_server: {endpoint: "`+away+`"}, checks: {a: {heartbeat: {}}}}},
		exporters: {otlp_http: {endpoint: "http://`+there.Addr().String()+`/path"}, otlp_http/away: {endpoint: "http://127.0.0.1:1"},
		otlp_http/own: {endpoint: "http://`+away+`"}, otlp_grpc: {endpoint: "127.0.0.1:1", tls: {insecure: true}}},
		service: {pipelines: {metrics: {receivers: [agent_health], exporters: [otlp_http, otlp_http/away, otlp_http/own, otlp_grpc]}}}}`)
	require.Equal(t, finding{fine, "exporters::otlp_http::endpoint", there.Addr().String() + " answers"}, found["exporters::otlp_http::endpoint"])
	require.Equal(t, finding{fine, "exporters::otlp_http/own::endpoint", away + " is this collector's own"}, found["exporters::otlp_http/own::endpoint"])
	for _, key := range []string{"exporters::otlp_http/away::endpoint", "exporters::otlp_grpc::endpoint"} {
		require.Equal(t, warn, found[key].grade)
		require.Contains(t, found[key].detail, "connection refused: what is sent there waits in the queue")
	}
}

func TestHostAndPortOfAnEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"localhost:4317": "localhost:4317", "http://a:1/path": "a:1", "https://a": "a:443", "http://[::1]": "[::1]:80", "127.0.0.1:1": "127.0.0.1:1",
	} {
		require.Equal(t, want, reachedAt(endpoint))
	}
}

func TestDoctorFindsWhatCannotBeWrittenReadOrRun(t *testing.T) {
	dir := t.TempDir()
	// A file where a folder should be keeps everybody out, the superuser too.
	blocked := filepath.Join(dir, "blocked")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	found := diagnosed(t, `{receivers: {agent_health: {allow_exec: true, checks: {
		tools: {mcp: {command: ["`+plain+`"]}}, shell: {mcp: {command: [/bin/sh, -c, exit]}},
		cache: {redis: {endpoint: "localhost:1", tls: {ca_file: "`+dir+`/not-there.pem", cert_file: "`+plain+`", key_file: "`+plain+`"}}}}}},
		exporters: {file: {path: "`+blocked+`/events.jsonl"}, file/fine: {path: "`+dir+`/events.jsonl"}},
		service: {pipelines: {logs: {receivers: [agent_health], exporters: [file, file/fine]}}}}`)
	require.Equal(t, fail, found["exporters::file::path"].grade)
	require.Contains(t, found["exporters::file::path"].detail, "give the collector's user the right to write there")
	require.Equal(t, finding{fine, "exporters::file/fine::path", dir + " can be written to"}, found["exporters::file/fine::path"])
	const checks = "receivers::agent_health::checks::"
	require.Equal(t, fail, found[checks+"tools::mcp::command"].grade)
	require.Contains(t, found[checks+"tools::mcp::command"].detail, "permission denied: install it, or give the collector's user the right to run it")
	require.Equal(t, finding{fine, checks + "shell::mcp::command", "/bin/sh can be run"}, found[checks+"shell::mcp::command"])
	require.Equal(t, fail, found[checks+"cache::redis::tls::ca_file"].grade)
	require.Equal(t, finding{fine, checks + "cache::redis::tls::cert_file", plain + " can be read"}, found[checks+"cache::redis::tls::cert_file"])
}

func TestDoctorSaysWhatOfProcessesCannotBeSeen(t *testing.T) {
	part := func(root string) map[string]finding {
		return diagnosed(t, `{receivers: {agent_process: {root_path: "`+root+`", groups: [{name: g, role: agent, match: {comm: [x]}}]}},
			exporters: {nop: }, service: {pipelines: {metrics: {receivers: [agent_process], exporters: [nop]}}}}`)
	}
	require.Contains(t, part("/"), "receivers::agent_process")
	missing := part(t.TempDir())["receivers::agent_process"]
	require.Equal(t, warn, missing.grade)
	require.NotEmpty(t, missing.detail)
}

func TestTheExitStatusOfDoctorIsThatOfItsWorstFinding(t *testing.T) {
	var stdout, told bytes.Buffer
	render(&stdout, []finding{{fine, "a", "well"}, {fail, "b::c", "ill"}, {warn, "d", "odd"}})
	require.Equal(t, "ok    a: well\nfail  b::c: ill\nwarn  d: odd\n", stdout.String())
	require.Equal(t, 1, report(run([]string{"doctor"}, &told), &told))
	require.Equal(t, 0, report(run([]string{"doctor", "--config", `yaml:{receivers: {agent_health: {checks: {a: {system: {}}}}}, exporters: {nop: }, service: {telemetry: {metrics: {level: none}}, pipelines: {metrics: {receivers: [agent_health], exporters: [nop]}}}}`}, &told), &told))
}
