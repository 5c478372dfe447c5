package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// ran is what a command of the program left behind.
type ran struct {
	status      int
	out, errors string
}

// runCommand runs the program to its end, which every command comes to by itself.
func runCommand(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return ran{status: cmd.ProcessState.ExitCode(), out: out.String(), errors: stderr.String()}
}

// checks writes a configuration of these checks, a YAML map in braces.
func checks(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "checks.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
receivers: {agent_health: {checks: `+text+`}}
exporters: {nop: }
service: {pipelines: {metrics: {receivers: [agent_health], exporters: [nop]}}}
`), 0o600))
	return file
}

func TestTheExitStatusOfCheckIsTheWorstVerdict(t *testing.T) {
	cache := peers.Redis(t)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond) }))
	defer slow.Close()
	healthy := `cache: {redis: {endpoint: "` + cache.Endpoint + `"}}`
	degraded := `slow: {http: {endpoint: "` + slow.URL + `", max_response_time: 1ms}}`
	unhealthy := `away: {critical: true, tcp: {endpoint: "` + peers.FreeEndpoint(t) + `"}}`
	// Of a disk that is not there nothing can be said.
	unknown := `disk: {system: {disk_path: /there/is/no/such/folder}}`
	skipped := `agent: {heartbeat: {}}`
	for _, c := range []struct {
		checks []string
		status int
	}{
		{[]string{healthy}, 0},
		{[]string{healthy, degraded}, 1},
		{[]string{healthy, skipped}, 0},
		{[]string{healthy, degraded, skipped}, 1},
		{[]string{skipped}, 3},
		{[]string{healthy, degraded, unknown}, 3},
		{[]string{healthy, degraded, unknown, unhealthy}, 2},
	} {
		got := runCommand(t, nil, "check", "--config", checks(t, "{"+strings.Join(c.checks, ", ")+"}"))
		require.Equal(t, c.status, got.status, "%s%s", got.out, got.errors)
		require.Equal(t, len(c.checks)+1, strings.Count(got.out, "\n"), "a line for the titles and one a check: %s", got.out)
		if slices.Contains(c.checks, skipped) {
			require.Equal(t, fmt.Sprintf("agent_health: running %d checks, skipping 1 of heartbeats …\n", len(c.checks)-1), got.errors)
			require.Regexp(t, `(?m)^agent +skipped +- +only a running collector hears heartbeats$`, got.out)
		} else {
			require.Equal(t, fmt.Sprintf("agent_health: running %d checks …\n", len(c.checks)), got.errors)
		}
	}

	got := runCommand(t, nil, "check", "--config", checks(t, "{"+healthy+", "+unhealthy+"}"))
	lines := strings.Split(got.out, "\n")
	require.Regexp(t, `^CHECK +VERDICT +TIME +STEPS +REASON$`, lines[0])
	require.Regexp(t, `^away +unhealthy +\S+s +(connect \S+s)? *connecting to 127\.0\.0\.1:\d+: the connection was refused or reset$`, lines[1])
	require.Regexp(t, `^cache +healthy +\S+s +connect \S+s, ping \S+s, info \S+s *$`, lines[2])

	got = runCommand(t, nil, "check", "--output", "json", "--config", checks(t, "{"+healthy+", "+unhealthy+"}"))
	require.Equal(t, 2, got.status)
	var verdicts []struct {
		Name, Type, State, Reason string
		ErrorType                 string `json:"error_type"`
		Critical                  bool
		Duration                  float64 `json:"duration_seconds"`
		Steps                     []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &verdicts), got.out)
	require.Len(t, verdicts, 2)
	require.Equal(t, []any{"away", "tcp", "unhealthy", "refused", true}, []any{verdicts[0].Name, verdicts[0].Type, verdicts[0].State, verdicts[0].ErrorType, verdicts[0].Critical})
	require.Equal(t, []any{"cache", "redis", "healthy", "", false}, []any{verdicts[1].Name, verdicts[1].Type, verdicts[1].State, verdicts[1].ErrorType, verdicts[1].Critical})
	require.Positive(t, verdicts[1].Duration)
	require.Len(t, verdicts[1].Steps, 3)
}

func TestCheckThatIsMisusedSaysSoInOneLineAndBetraysNothing(t *testing.T) {
	for _, args := range [][]string{
		{"check"},
		{"check", "--config", filepath.Join(t.TempDir(), "not-there.yaml")},
		{"check", "--output", "xml", "--config", checks(t, "{a: {system: {}}}")},
		{"check", "--config", checks(t, "{a: {postgres: {endpoint: 'x:1', password: canary-secret}}}")},
	} {
		got := runCommand(t, nil, args...)
		require.Equal(t, 3, got.status, args)
		require.Empty(t, got.out)
		require.Equal(t, 1, strings.Count(got.errors, "\n"), got.errors)
		require.NotContains(t, got.errors, "canary-secret")
	}
	const secret = "canary-secret"
	database := peers.Postgres(t)
	got := runCommand(t, []string{"PGPASSWORD=" + secret}, "check", "--config",
		checks(t, `{db: {postgres: {endpoint: "`+database.Endpoint+`", username: postgres, password: "${env:PGPASSWORD}", database: postgres, tls: {insecure: true}}}}`))
	require.Equal(t, 2, got.status)
	require.NotContains(t, got.out+got.errors, secret)
}

func TestDoctorTellsWhetherTheShippedConfigurationWouldWorkHere(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	address := taken.Listener.Addr().String()
	env := []string{"WATCHKEEPER_STATE_DIR=" + t.TempDir(), "JAEGER_ENDPOINT=" + address}
	for _, name := range []string{
		"WATCHKEEPER_OTLP_GRPC_ENDPOINT", "WATCHKEEPER_OTLP_HTTP_ENDPOINT", "WATCHKEEPER_PROMETHEUS_ENDPOINT",
		"WATCHKEEPER_HEALTH_ENDPOINT", "WATCHKEEPER_HEARTBEAT_ENDPOINT",
	} {
		env = append(env, name+"="+peers.FreeEndpoint(t))
	}
	_, port, err := net.SplitHostPort(peers.FreeEndpoint(t))
	require.NoError(t, err)
	env = append(env, "WATCHKEEPER_TELEMETRY_PORT="+port)
	config := append([]string{"doctor"}, shipped(t, "dependencies.yaml")...)
	got := runCommand(t, env, config...)
	require.Equal(t, 0, got.status, got.out+got.errors)
	require.Contains(t, got.out, "ok    configuration: valid\n")
	require.Contains(t, got.out, "ok    exporters::jaeger::endpoint: "+address+" answers\n")

	got = runCommand(t, append(env, "WATCHKEEPER_HEARTBEAT_ENDPOINT="+address), config...)
	require.Equal(t, 1, got.status, got.out)
	require.Regexp(t, `(?m)^ok    service::telemetry::metrics::readers::0::pull::exporter::prometheus: localhost:`+port+` is free$`, got.out)
	require.Regexp(t, `(?m)^fail  receivers::agent_health::heartbeat_server::endpoint: .*address already in use: end what listens there, or choose another address$`, got.out)
}
