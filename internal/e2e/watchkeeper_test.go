package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// binary is the program under test, built once for all tests.
var binary string

func TestMain(m *testing.M) {
	if step, err := strconv.Atoi(os.Getenv(growEnv)); err == nil {
		growing(step)
		return
	}
	dir, err := os.MkdirTemp("", "watchkeeper")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "watchkeeper")
	build := exec.Command("go", "build", "-o", binary, "../..")
	// The flags of the Makefile: with them the build is in the cache.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program under test: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// watchkeeper is a running collector. Its Endpoint tells its health.
type watchkeeper struct {
	*peers.Server
	otlpGRPC, otlpHTTP string
	metrics            string
	state              string
}

// startWatchkeeper runs the program with these arguments on free ports; shipped
// configurations take their addresses from the environment, which env adds to.
func startWatchkeeper(t *testing.T, args []string, env map[string]string) *watchkeeper {
	t.Helper()
	w := &watchkeeper{
		otlpGRPC: peers.FreeEndpoint(t), otlpHTTP: peers.FreeEndpoint(t), metrics: peers.FreeEndpoint(t),
		state: t.TempDir(),
	}
	_, telemetryPort, err := net.SplitHostPort(peers.FreeEndpoint(t))
	require.NoError(t, err)
	w.Server = peers.Start(t, peers.Command{
		Path: binary,
		Args: func(string, int) []string { return args },
		Env: func(_ string, port int) []string {
			vars := []string{
				"WATCHKEEPER_OTLP_GRPC_ENDPOINT=" + w.otlpGRPC,
				"WATCHKEEPER_OTLP_HTTP_ENDPOINT=" + w.otlpHTTP,
				"WATCHKEEPER_PROMETHEUS_ENDPOINT=" + w.metrics,
				"WATCHKEEPER_HEALTH_ENDPOINT=127.0.0.1:" + strconv.Itoa(port),
				"WATCHKEEPER_TELEMETRY_PORT=" + telemetryPort,
				"WATCHKEEPER_STATE_DIR=" + w.state,
			}
			for name, value := range env {
				vars = append(vars, name+"="+value)
			}
			return vars
		},
		Ready: func(ctx context.Context, endpoint string) error { return peers.OK(ctx, "http://"+endpoint+"/") },
	})
	return w
}

// shipped returns the arguments to run with one of the shipped configurations.
func shipped(t *testing.T, name string) []string {
	return []string{"--config", filepath.Join(peers.Root(t), "configs", name)}
}

// scrape returns what Prometheus would get.
func (w *watchkeeper) scrape(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.metrics+"/metrics", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("scraping: %s", response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// log returns what the program has written so far.
func (w *watchkeeper) log(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Dir, "log"))
	require.NoError(t, err)
	return string(text)
}
