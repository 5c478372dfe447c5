package agentprocess

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadatatest"
)

// fleet is a host of two agents, a tool server that one of them started, and what
// else runs.
func fleet(t *testing.T) (*proctabletest.Tree, *Config) {
	tree := proctabletest.New(t)
	// Tests on virtual time begin at this second, when the host is up for 1000.
	tree.Write("proc/stat", "cpu  1 2 3\nbtime 946683800\n")
	tree.Set(1, proctabletest.Process{Comm: "systemd", User: 9000, Start: 1, VSize: 9, Pages: 900, FDs: 9})
	tree.Set(7, agent(500, 100))
	tree.Set(8, agent(900, 0))
	tree.Set(9, proctabletest.Process{Comm: "node", State: "R", Parent: 7, User: 100, Start: 600, Threads: 11, VSize: 9, Pages: 10, FDs: 1, FDLimit: 100,
		CommandLine: []string{"node", "mcp-files"}, PSS: 12, ReadBytes: 1000, WriteBytes: 10, Voluntary: 7, MinorFaults: 5})
	cfg := config(tree.Root,
		Group{Name: "research", Role: "agent", Match: Match{CommandLine: []string{"research_agent"}}},
		Group{Name: "files", Role: "mcp_server", Match: Match{Comm: []string{"node"}}},
		Group{Name: "search", Role: "tool", Match: Match{Comm: []string{"finder"}}})
	cfg.Service = Service{Name: "fleet", Version: "1.0", Environment: "test"}
	cfg.Top = 1
	return tree, cfg
}

func agent(user, system uint64) proctabletest.Process {
	return proctabletest.Process{
		Comm: "python3", Parent: 1, User: user, System: system, Start: 500, Threads: 3, VSize: 9, Pages: 100, FDs: 4, FDLimit: 16, PSS: 300,
		CommandLine: []string{"python3", "-m", "research_agent"}, ReadBytes: user, WriteBytes: 5, Voluntary: user, Involuntary: system, MinorFaults: user, MajorFaults: 1,
	}
}

func TestGroupsOverTwoCollections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree, cfg := fleet(t)
		s := start(t, cfg, nil)
		s.recorder.node = "node-1"
		s.recorder.resource.Attributes().PutStr("host.name", "node-1")
		time.Sleep(time.Second)
		expect(t, "first", scrape(t, s))

		// 15 s later one agent has used 19.5 s, the other one is over and not yet reaped,
		// the tool server was replaced by one that has used 0.3 s since, and the agent
		// has started something that is in no group by itself.
		time.Sleep(15 * time.Second)
		tree.Uptime(1015)
		tree.Set(7, agent(2000, 400))
		tree.Set(8, proctabletest.Process{Comm: "python3", State: "Z", User: 1050, Start: 500})
		tree.Set(9, proctabletest.Process{Comm: "node", Parent: 7, User: 30, Start: 101_000, Threads: 11, VSize: 9, Pages: 20, FDs: 2, FDLimit: 100,
			CommandLine: []string{"node", "mcp-files"}, ReadBytes: 500, WriteBytes: 3, Voluntary: 3, MinorFaults: 2})
		tree.Set(10, proctabletest.Process{Comm: "git", Parent: 7, Start: 101_100, User: 10, Threads: 1, VSize: 9, Pages: 1, FDs: 3, FDLimit: 100, CommandLine: []string{"git", "log"}})
		expect(t, "second", scrape(t, s))
	})
}

func expect(t *testing.T, name string, got pmetric.Metrics) {
	path := filepath.Join("testdata", "fleet", name+".yaml")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, golden.WriteMetricsToFile(path, got))
	}
	want, err := golden.ReadMetrics(path)
	require.NoError(t, err)
	require.NoError(t, pmetrictest.CompareMetrics(want, got,
		pmetrictest.IgnoreTimestamp(), pmetrictest.IgnoreStartTimestamp(), // golden files have none
		pmetrictest.IgnoreMetricsOrder(), pmetrictest.IgnoreMetricDataPointsOrder(),
		pmetrictest.IgnoreMetricAttributeValue("go_version")))
}

func TestPrometheusNames(t *testing.T) {
	metrics, err := golden.ReadMetrics(filepath.Join("testdata", "fleet", "second.yaml"))
	require.NoError(t, err)
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	var names []string
	for _, m := range metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
		if m.Type() == pmetric.MetricTypeSum {
			kind = otlptranslator.MetricTypeNonMonotonicCounter
			if m.Sum().IsMonotonic() {
				kind = otlptranslator.MetricTypeMonotonicCounter
			}
		}
		name, err := namer.Build(otlptranslator.Metric{Name: m.Name(), Unit: m.Unit(), Type: kind})
		require.NoError(t, err)
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{
		"agent_system_info", "agent_process_count", "process_cpu_usage_percent",
		"process_memory_usage_bytes", "process_memory_rss_bytes", "process_open_fds",
		"process_cpu_time_seconds_total", "process_memory_virtual_bytes", "process_disk_io_bytes_total",
		"process_thread_count", "process_context_switches_total", "process_paging_faults_total",
		"process_uptime_seconds", "process_open_fds_utilization_ratio",
		"agent_process_orphans", "agent_process_orphans_memory_bytes", "agent_process_orphans_age_seconds",
		"agent_process_top_cpu_usage_percent", "agent_process_top_memory_usage_bytes",
		"agent_process_top_disk_io_bytes_per_second", "agent_process_top_pid",
	}, names)
}

func TestInfoSaysWhatRunsHere(t *testing.T) {
	tree := proctabletest.New(t)
	cfg := config(tree.Root)
	cfg.Service.Zone = "eu-1a"
	s := start(t, cfg, nil)
	metrics := scrape(t, s)
	require.Equal(t, 1, metrics.DataPointCount())
	host, err := os.Hostname()
	require.NoError(t, err)
	rm := metrics.ResourceMetrics().At(0)
	require.Equal(t, map[string]any{"host.name": host}, rm.Resource().Attributes().AsRaw())
	m := rm.ScopeMetrics().At(0).Metrics().At(0)
	require.Equal(t, "agent.system.info", m.Name())
	require.Equal(t, "{info}", m.Unit())
	require.Equal(t, map[string]any{
		"service": "watchkeeper", "version": "9.9.9", "zone": "eu-1a", "node": host,
		"go_version": runtime.Version(), "start_time": s.recorder.started.UTC().Format(time.RFC3339),
	}, m.Gauge().DataPoints().At(0).Attributes().AsRaw())
}

func TestStateThatWasSeenIsSentForever(t *testing.T) {
	tree := proctabletest.New(t)
	s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
	count := func() map[string]float64 { return series(scrape(t, s), "agent.process.count") }
	require.Empty(t, count(), "a group that never had a process")
	tree.Set(7, proctabletest.Process{State: "Z"})
	require.Equal(t, map[string]float64{"g/running": 0, "g/sleeping": 0, "g/zombie": 1}, count())
	tree.Remove(7)
	require.Equal(t, map[string]float64{"g/running": 0, "g/sleeping": 0, "g/zombie": 0}, count())
}

func TestUsageThatIsNotKnownIsNotSent(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{Start: 10, User: 100})
	s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
	cpu := func(uptime float64) map[string]float64 {
		tree.Uptime(uptime)
		return series(scrape(t, s), "process.cpu.usage")
	}
	require.Empty(t, cpu(1000), "there is nothing to compare with")
	require.Equal(t, map[string]float64{"g": 0}, cpu(1010))
	require.Empty(t, cpu(1010), "no time has passed")
	tree.Remove(7)
	tree.Set(8, proctabletest.Process{Start: 10, User: 100})
	require.Empty(t, cpu(1020), "it has run for long, unseen")
	tree.Remove(8)
	require.Equal(t, map[string]float64{"g": 0}, cpu(1030))
}

func TestProcessThatExecsMovesToItsNewGroup(t *testing.T) {
	tree := proctabletest.New(t)
	shell := Group{Name: "shell", Role: "other", Match: Match{Comm: []string{"sh"}}}
	tool := Group{Name: "tool", Role: "tool", Match: Match{Comm: []string{"curl"}}}
	s := start(t, config(tree.Root, shell, tool), nil)
	tree.Set(7, proctabletest.Process{Comm: "sh", VSize: 1, Pages: 1})
	require.Equal(t, map[string]float64{"shell": float64(proctabletest.PageSize)}, series(scrape(t, s), "process.memory.rss"))
	tree.Set(7, proctabletest.Process{Comm: "curl", VSize: 1, Pages: 1})
	require.Equal(t, map[string]float64{"shell": 0, "tool": float64(proctabletest.PageSize)}, series(scrape(t, s), "process.memory.rss"))
	require.Len(t, s.tracked, 1)
}

func TestMemoryBeyondTheBudgetIsResident(t *testing.T) {
	tree := proctabletest.New(t)
	huge := 200 << 30 / proctabletest.PageSize
	tree.Set(7, proctabletest.Process{VSize: 1, Pages: huge, PSS: 1})
	tree.Set(8, proctabletest.Process{VSize: 1, Pages: 10, PSS: 2})
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	cfg := config(tree.Root, groupOf(Match{Comm: []string{"worker"}}))
	s := start(t, cfg, telemetry)
	require.Equal(t, map[string]float64{"g": 200<<30 + 2048}, series(scrape(t, s), "process.memory.usage"))
	expectFailures(t, telemetry, map[[2]string]int64{{"smaps_rollup", "budget"}: 1})

	cfg.PSSBudget = 0
	s = start(t, cfg, nil)
	require.Equal(t, map[string]float64{"g": float64((huge + 10) * proctabletest.PageSize)}, series(scrape(t, s), "process.memory.usage"))
}

// expectFailures asserts the telemetry by file and reason.
func expectFailures(t *testing.T, telemetry *componenttest.Telemetry, want map[[2]string]int64) {
	var points []metricdata.DataPoint[int64]
	for key, n := range want {
		points = append(points, metricdata.DataPoint[int64]{
			Value:      n,
			Attributes: attribute.NewSet(attribute.String("file", key[0]), attribute.String("reason", key[1])),
		})
	}
	metadatatest.AssertEqualReceiverAgentProcessReadFailures(t, telemetry, points, metricdatatest.IgnoreTimestamp())
}

// observe has the scraper log into memory.
func observe(s *processScraper) *observer.ObservedLogs {
	core, logs := observer.New(zap.WarnLevel)
	s.failures.logger = zap.New(core)
	return logs
}

// told returns the errors of what was logged.
func told(logs *observer.ObservedLogs) (errs []string) {
	for _, entry := range logs.All() {
		errs = append(errs, entry.ContextMap()["error"].(string))
	}
	return errs
}

func TestMissingRightsAreToldOnceAndCountedAlways(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{VSize: 1, Pages: 3, FDs: 3, PSS: 1})
	tree.Set(8, proctabletest.Process{Comm: "other", FDs: 3})
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), telemetry)
	logs := observe(s)

	tree.Forbid(7, []string{"fd", "smaps_rollup"}, func() {
		for range 3 {
			metrics := scrape(t, s)
			require.Equal(t, []string{"fd of 1 processes not read (permission), for example: process 7: reading fd: permission denied; " +
				"smaps_rollup of 1 processes not read (permission), for example: process 7: reading smaps_rollup: permission denied"}, told(logs))
			require.Empty(t, series(metrics, "process.open_fds"))
			require.Equal(t, map[string]float64{"g": float64(3 * proctabletest.PageSize)}, series(metrics, "process.memory.usage"))
		}
	})
	expectFailures(t, telemetry, map[[2]string]int64{{"fd", "permission"}: 3, {"smaps_rollup", "permission"}: 1})
	require.Equal(t, map[string]float64{"g": 3}, series(scrape(t, s), "process.open_fds"))
}

func TestUnreadableExecutableIsTriedAgain(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Set(7, proctabletest.Process{})
	tree.Write("proc/7/exe", "not a link")
	s := start(t, config(tree.Root, groupOf(Match{Executable: []string{"/usr/bin/node"}})), nil)
	logs := observe(s)
	scrape(t, s)
	require.Equal(t, []string{"exe of 1 processes not read (other), for example: process 7: reading exe: invalid argument"}, told(logs))
	tree.Set(7, proctabletest.Process{Executable: "/usr/bin/node"})
	require.Equal(t, map[string]float64{"g/running": 0, "g/sleeping": 1}, series(scrape(t, s), "agent.process.count"))
}

func TestUsersAreThoseOfTheRoot(t *testing.T) {
	tree := proctabletest.New(t)
	tree.Write("etc/passwd", "somebody:x:"+uid(t, tree.Root)+":0:::\n")
	tree.Set(7, proctabletest.Process{})
	s := start(t, config(tree.Root, groupOf(Match{User: []string{"somebody"}})), nil)
	require.Equal(t, map[string]float64{"g/running": 0, "g/sleeping": 1}, series(scrape(t, s), "agent.process.count"))
}

func TestStartFailsWithoutAProc(t *testing.T) {
	root := t.TempDir()
	r, err := NewFactory().CreateMetrics(t.Context(), receivertest.NewNopSettings(metadata.Type), config(root), consumertest.NewNop())
	require.NoError(t, err)
	require.EqualError(t, r.Start(t.Context(), componenttest.NewNopHost()),
		"opening the process table: open "+root+"/proc: no such file or directory")
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, r.Shutdown(t.Context()), "a second time")
}

func BenchmarkScrapeOfThisHost(b *testing.B) {
	s := start(b, config("/", groupOf(Match{CommandLine: []string{"research_agent"}})), nil)
	b.ReportAllocs()
	for b.Loop() {
		s.scrape(b.Context())
	}
}

func BenchmarkScrapeOf1000Processes(b *testing.B) {
	tree := proctabletest.New(b)
	for pid := 2; pid < 1002; pid++ {
		tree.Set(pid, proctabletest.Process{Comm: "node", Parent: 1, VSize: 1, Pages: 1000, FDs: 3, FDLimit: 1024, CommandLine: []string{"node", "agent.js"}})
	}
	s := start(b, config(tree.Root, groupOf(Match{Comm: []string{"node"}})), nil)
	_, err := s.scrape(b.Context())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		s.scrape(b.Context())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*1000), "us/process")
}
