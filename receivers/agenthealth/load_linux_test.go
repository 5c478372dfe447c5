package agenthealth

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/extensiontest"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// BenchmarkTwoThousandChecks measures what 2,000 checks at 15 seconds cost, half of
// them over HTTP and half over TCP, with metrics, events and file storage, over a
// minute. The targets are in another process. It is run once:
//
//	go test -run '^$' -bench TwoThousandChecks -benchtime 1x ./receivers/agenthealth
func BenchmarkTwoThousandChecks(b *testing.B) {
	const asTarget = "WATCHKEEPER_BENCH_TARGET"
	if os.Getenv(asTarget) != "" {
		serveTargets(b)
		return
	}
	target := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkTwoThousandChecks$", "-test.benchtime=1x")
	target.Env = append(os.Environ(), asTarget+"=1")
	stdin, err := target.StdinPipe()
	require.NoError(b, err)
	stdout, err := target.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, target.Start())
	defer func() {
		require.NoError(b, stdin.Close())
		require.NoError(b, target.Wait())
	}()
	var addresses []string
	for lines := bufio.NewScanner(stdout); len(addresses) < targets && lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			addresses = append(addresses, address)
		}
	}
	require.Len(b, addresses, targets)

	cfg := createDefaultConfig().(*Config)
	cfg.Storage = &shelfID
	cfg.Checks = map[string]CheckConfig{}
	for i := range 2000 {
		c := CheckConfig{Timeout: 5 * time.Second, FailuresToUnhealthy: 1, SuccessesToHealthy: 1}
		address := addresses[i%len(addresses)]
		if i%2 == 0 {
			block := defaultHTTPConfig()
			block.Endpoint = "http://" + address
			c.HTTP = configoptional.Some(block)
		} else {
			block := defaultTCPConfig()
			block.Endpoint = address
			c.TCP = configoptional.Some(block)
		}
		cfg.Checks[fmt.Sprintf("check_%04d", i)] = c
	}
	factory := filestorage.NewFactory()
	files := factory.CreateDefaultConfig().(*filestorage.Config)
	files.Directory = b.TempDir()
	extension, err := factory.Create(b.Context(), extensiontest.NewNopSettings(factory.Type()), files)
	require.NoError(b, err)
	require.NoError(b, extension.Start(b.Context(), componenttest.NewNopHost()))
	r, err := newAgentHealth(cfg, settings(), func() {})
	require.NoError(b, err)
	r.metrics, r.logs = consumertest.NewNop(), consumertest.NewNop()
	require.NoError(b, r.Start(b.Context(), hostWith{shelfID: extension}))

	time.Sleep(30 * time.Second) // everything has run, and been saved, once
	b.ResetTimer()
	before, began := processorTime(b), time.Now()
	time.Sleep(time.Minute)
	used, took := processorTime(b)-before, time.Since(began)
	b.StopTimer()
	var runs, late, ill uint64
	for _, s := range r.engine.Snapshots() {
		for _, n := range s.Runs {
			runs += n.Count
		}
		late += s.Skipped
		if s.State != check.Healthy {
			ill++
		}
	}
	var heap runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&heap)
	b.ReportMetric(100*used.Seconds()/took.Seconds(), "%cpu")
	b.ReportMetric(residentBytes(b)/1e6, "MB-resident")
	b.ReportMetric(float64(heap.HeapAlloc)/1e6, "MB-heap")
	b.ReportMetric(float64(runs), "runs")
	b.ReportMetric(float64(late), "skipped")
	b.ReportMetric(float64(ill), "not-healthy")
	require.NoError(b, r.Shutdown(b.Context()))
	require.NoError(b, extension.Shutdown(b.Context()))
}

// targets is the number of hosts that are asked.
const targets = 40

// serveTargets answers on loopback addresses until standard input ends.
func serveTargets(b *testing.B) {
	for i := range targets {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.1.%d:0", i+1))
		require.NoError(b, err)
		go func() {
			_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
		}()
		defer listener.Close()
		fmt.Printf("listening %s\n", listener.Addr())
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func residentBytes(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(b, err)
	var size, resident int
	_, err = fmt.Sscan(string(text), &size, &resident)
	require.NoError(b, err)
	return float64(resident * os.Getpagesize())
}

var _ component.Host = hostWith(nil)
