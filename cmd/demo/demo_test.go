package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// programs builds what the demonstration shows.
func programs(t *testing.T) (watchkeeper, fleetsim string) {
	dir := t.TempDir()
	root := peers.Root(t)
	for name, pkg := range map[string]string{"watchkeeper": ".", "fleetsim": "./cmd/fleetsim"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return filepath.Join(dir, "watchkeeper"), filepath.Join(dir, "fleetsim")
}

// output is what the demonstration has said so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// address returns where a line of the table says that something is.
func (o *output) address(t *testing.T, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` +(\S+)`).FindStringSubmatch(o.String())
	require.Len(t, found, 2, "%s in %s", name, o)
	return found[1]
}

func get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

func TestTheDemonstrationShowsAllAndLeavesNothing(t *testing.T) {
	watchkeeper, fleetsim := programs(t)
	// Every server has its files here, and its command line or folder says so.
	home, err := os.MkdirTemp("", "demo")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(home, 0o755)) // PostgreSQL runs as another user
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	t.Setenv("TMPDIR", home)

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr output
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{
			"--watchkeeper", watchkeeper, "--fleetsim", fleetsim, "--free-ports", "--for", "5m", "--rate", "3",
			"--config", filepath.Join(peers.Root(t), "configs", "demo.yaml"),
		}, &stdout, &stderr)
	}()
	require.Eventually(t, func() bool {
		select {
		case err := <-ended:
			require.NoError(t, err, "%s", stderr.String())
		default:
		}
		return strings.Contains(stdout.String(), "Try: curl")
	}, 2*time.Minute, 50*time.Millisecond)

	prometheus, jaeger := stdout.address(t, "Prometheus"), stdout.address(t, "Jaeger")
	has := func(expr string) func() bool {
		return func() bool {
			var answer struct {
				Data struct{ Result []json.RawMessage }
			}
			err := get(t.Context(), prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
			return err == nil && len(answer.Data.Result) > 0
		}
	}
	for _, expr := range []string{
		`agent_health_status{check_name="database_connectivity",state="healthy"} == 1`,
		`agent_health_status{check_name="redis_connectivity",state="healthy"} == 1`,
		`agent_health_status{check_name="mcp_servers_health",state="healthy"} == 1`,
		`sum(agent_workflow_queue_depth) >= 0`,
		`mcp_connection_pool_active{server="toolbox"} >= 0`,
		`mcp_connection_pool_idle{server="toolbox"} >= 0`,
		`http_requests_in_flight{endpoint="/research/{topic}"} >= 0`,
		`process_memory_rss_bytes{process_group="fleet"} > 1e6`,
	} {
		require.Eventually(t, has(expr), time.Minute, 200*time.Millisecond, expr)
	}
	var rules struct {
		Data struct{ Groups []json.RawMessage }
	}
	require.NoError(t, get(t.Context(), prometheus+"/api/v1/rules", &rules))
	require.NotEmpty(t, rules.Data.Groups)
	for _, service := range []string{"planner", "researcher", "writer", "toolbox"} {
		require.Eventually(t, func() bool {
			var answer struct{ Services []string }
			err := get(t.Context(), jaeger+"/api/v3/services", &answer)
			return err == nil && strings.Contains(strings.Join(answer.Services, " "), service)
		}, time.Minute, 200*time.Millisecond, service)
	}
	// A fault shows, and its process is a group of its own.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stdout.address(t, "Fleet")+"/faults/leak?on=true", nil)
	require.NoError(t, err)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Eventually(t, has(`process_memory_rss_bytes{process_group="leaking"} > 20e6`), time.Minute, 200*time.Millisecond)

	require.NotEmpty(t, processesOf(t, home, watchkeeper, fleetsim))
	interrupt()
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", stderr.String())
	case <-time.After(2 * time.Minute):
		t.Fatalf("it does not end: %s", stderr.String())
	}
	_, line, ok := strings.Cut(stdout.String(), "What the fleet has done:\n")
	require.True(t, ok)
	var truth struct {
		Workflows    map[string]map[string]int64 `json:"workflows"`
		ExportErrors int64                       `json:"export_errors"`
	}
	require.NoError(t, json.Unmarshal([]byte(line), &truth), "%s", line)
	require.Zero(t, truth.ExportErrors)
	require.NotEmpty(t, truth.Workflows)

	require.Eventually(t, func() bool { return len(processesOf(t, home, watchkeeper, fleetsim)) == 0 }, 10*time.Second, 100*time.Millisecond)
	left, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, left)
	for _, name := range []string{"PostgreSQL", "Redis"} {
		_, err := net.Dial("tcp", stdout.address(t, name))
		require.ErrorContains(t, err, "connection refused", name)
	}
}

// processesOf returns the command lines of processes that have one of the marks in
// their command line or as their folder.
func processesOf(t *testing.T, marks ...string) (found []string) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, file := range lines {
		text, _ := os.ReadFile(file) // may have ended
		folder, _ := os.Readlink(filepath.Join(filepath.Dir(file), "cwd"))
		for _, mark := range marks {
			if len(text) > 0 && (bytes.Contains(text, []byte(mark)) || strings.HasPrefix(folder, mark)) {
				found = append(found, string(bytes.ReplaceAll(text, []byte{0}, []byte(" "))))
				break
			}
		}
	}
	return found
}

func TestWhatDoesNotStartIsNamedWithItsLog(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "watchkeeper")
	require.NoError(t, os.WriteFile(broken, []byte("#!/bin/sh\necho no such option\nexit 1\n"), 0o755))
	config := filepath.Join(peers.Root(t), "configs", "demo.yaml")
	var stdout, stderr output
	err := run(t.Context(), []string{"--watchkeeper", broken, "--fleetsim", broken, "--config", config, "--free-ports"}, &stdout, &stderr)
	require.ErrorContains(t, err, "starting watchkeeper: it ended at once; its log ends with:\n")
	require.ErrorContains(t, err, "no such option")
	require.Empty(t, stdout.String())
}

func TestWrongArgumentsAreTold(t *testing.T) {
	for arguments, want := range map[string]string{
		"extra":                  `unexpected argument "extra"`,
		"--for -1s":              `--for -1s: must be 0 or more`,
		"--rate -1":              `--rate -1: must be 0 or more`,
		"--watchkeeper /no/such": `stat /no/such: no such file or directory: run "make demo"`,
	} {
		err := run(t.Context(), strings.Fields(arguments), &output{}, &output{})
		require.ErrorContains(t, err, want)
	}
}
