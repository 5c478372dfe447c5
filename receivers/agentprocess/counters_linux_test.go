package agentprocess

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadatatest"
)

// clock moves the time of the host and of the test together.
func clock(tree *proctabletest.Tree) func(seconds int) {
	up := 1000.0
	return func(seconds int) {
		time.Sleep(time.Duration(seconds) * time.Second)
		up += float64(seconds)
		tree.Uptime(up)
	}
}

// since returns the start of the counter of a metric.
func since(metrics pmetric.Metrics, name string) pcommon.Timestamp {
	for _, m := range metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() == name {
			return m.Sum().DataPoints().At(0).StartTimestamp()
		}
	}
	return 0
}

func TestCountersCountWhatWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		tree.Set(7, proctabletest.Process{Start: 10, User: 500, System: 100, ReadBytes: 1000, WriteBytes: 10, MinorFaults: 50, MajorFaults: 5})
		pass(10)
		metrics := scrape(t, s)
		require.Equal(t, map[string]float64{"g/user": 0, "g/system": 0}, series(metrics, "process.cpu.time"), "all that was before")
		require.Equal(t, map[string]float64{"g/read": 0, "g/write": 0}, series(metrics, "process.disk.io"))

		tree.Set(7, proctabletest.Process{Start: 10, User: 600, System: 150, ReadBytes: 1700, WriteBytes: 20, MinorFaults: 53, MajorFaults: 5})
		tree.Set(8, proctabletest.Process{Start: 101_500, User: 20, ReadBytes: 5, MinorFaults: 2, MajorFaults: 1})
		pass(10)
		metrics = scrape(t, s)
		require.Equal(t, map[string]float64{"g/user": 1.2, "g/system": 0.5}, series(metrics, "process.cpu.time"))
		require.Equal(t, map[string]float64{"g/read": 705, "g/write": 10}, series(metrics, "process.disk.io"))
		require.Equal(t, map[string]float64{"g/minor": 5, "g/major": 1}, series(metrics, "process.paging.faults"))

		tree.Remove(7)
		tree.Remove(8)
		pass(10)
		metrics = scrape(t, s)
		require.Equal(t, map[string]float64{"g/user": 1.2, "g/system": 0.5}, series(metrics, "process.cpu.time"), "it never falls")
		require.Equal(t, map[string]float64{"g/read": 705, "g/write": 10}, series(metrics, "process.disk.io"))

		// An old process that was never seen, in the place of one that was.
		tree.Set(7, proctabletest.Process{Start: 11, User: 9999, ReadBytes: 9999})
		pass(10)
		metrics = scrape(t, s)
		require.Equal(t, map[string]float64{"g/user": 1.2, "g/system": 0.5}, series(metrics, "process.cpu.time"))
		require.Equal(t, map[string]float64{"g/read": 705, "g/write": 10}, series(metrics, "process.disk.io"))
	})
}

func TestProcessThatJoinsAGroupBringsNothingFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		tree.Set(7, proctabletest.Process{Comm: "sh", VSize: 1, Start: 10, ReadBytes: 1000})
		scrape(t, s)
		tree.Set(7, proctabletest.Process{Comm: "worker", VSize: 1, Start: 10, ReadBytes: 5000})
		pass(10)
		require.Equal(t, map[string]float64{"g/read": 0, "g/write": 0}, series(scrape(t, s), "process.disk.io"))
	})
}

func TestWhatAChildDidIsNotCountedAgainWithItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		tree.Set(7, proctabletest.Process{Start: 10, ReadBytes: 100})
		scrape(t, s)
		tree.Set(8, proctabletest.Process{Start: 100_500, Parent: 7, ReadBytes: 1000})
		pass(10)
		require.Equal(t, map[string]float64{"g/read": 1000, "g/write": 0}, series(scrape(t, s), "process.disk.io"))
		// The child reads 200 more and ends; the kernel adds its 1200 to the parent, which
		// has read 30 itself.
		tree.Remove(8)
		tree.Set(7, proctabletest.Process{Start: 10, ReadBytes: 100 + 1200 + 30})
		pass(10)
		require.Equal(t, map[string]float64{"g/read": 1230, "g/write": 0}, series(scrape(t, s), "process.disk.io"))
	})
}

func TestContextSwitchesAreReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		tree.Set(7, proctabletest.Process{Start: 10, Voluntary: 100, Involuntary: 10})
		switches := func() map[string]float64 { return series(scrape(t, s), "process.context_switches") }
		require.Equal(t, map[string]float64{"g/voluntary": 0, "g/involuntary": 0}, switches())
		tree.Set(7, proctabletest.Process{Start: 10, Voluntary: 130, Involuntary: 11})
		pass(59)
		require.Equal(t, map[string]float64{"g/voluntary": 0, "g/involuntary": 0}, switches())
		pass(1)
		require.Equal(t, map[string]float64{"g/voluntary": 30, "g/involuntary": 1}, switches())
		tree.Set(8, proctabletest.Process{Start: 106_500, Voluntary: 4})
		pass(10)
		require.Equal(t, map[string]float64{"g/voluntary": 34, "g/involuntary": 1}, switches())
	})
}

func TestMemoryFollowsResidentMemoryBetweenReadingsOfPSS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		page := float64(proctabletest.PageSize)
		memory := func() float64 { return series(scrape(t, s), "process.memory.usage")["g"] }
		tree.Set(7, proctabletest.Process{VSize: 1, Start: 10, Pages: 100, PSS: 40})
		require.Equal(t, 40*1024.0, memory())
		tree.Set(7, proctabletest.Process{VSize: 1, Start: 10, Pages: 110, PSS: 60})
		pass(15)
		require.Equal(t, 40*1024+10*page, memory())
		tree.Set(7, proctabletest.Process{VSize: 1, Start: 10, Pages: 1, PSS: 60})
		pass(15)
		require.Equal(t, 0.0, memory())
		pass(30)
		require.Equal(t, 60*1024.0, memory())
	})
}

func TestShareOfTheLimitIsThatOfTheWorstProcess(t *testing.T) {
	tree := proctabletest.New(t)
	s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
	tree.Set(7, proctabletest.Process{FDs: 8, FDLimit: 16})
	tree.Set(8, proctabletest.Process{FDs: 9, FDLimit: 100})
	metrics := scrape(t, s)
	require.Equal(t, map[string]float64{"g": 0.5}, series(metrics, "process.open_fds.utilization"))
	require.Equal(t, map[string]float64{"g": 17}, series(metrics, "process.open_fds"))
}

func TestGroupThatIsEmptyLingersAndComesBackAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		s := start(t, config(tree.Root, groupOf(Match{Comm: []string{"worker"}})), nil)
		began := pcommon.NewTimestampFromTime(time.Now())
		time.Sleep(time.Second)
		scrape(t, s)
		before := pcommon.NewTimestampFromTime(time.Now())
		tree.Set(7, proctabletest.Process{Start: 100_100, User: 100})
		pass(60)
		metrics := scrape(t, s)
		require.Equal(t, 1.0, series(metrics, "process.cpu.time")["g/user"])
		require.Equal(t, before, since(metrics, "process.cpu.time"))
		require.Greater(t, before, began)

		tree.Remove(7)
		for range 5 {
			pass(60)
			metrics = scrape(t, s)
			require.Equal(t, 1.0, series(metrics, "process.cpu.time")["g/user"])
			require.Equal(t, map[string]float64{"g": 0}, series(metrics, "process.memory.rss"))
			require.Equal(t, before, since(metrics, "process.cpu.time"))
		}
		pass(60)
		require.Equal(t, 1, scrape(t, s).DataPointCount(), "only agent.system.info")

		last := pcommon.NewTimestampFromTime(time.Now())
		pass(60)
		tree.Set(7, proctabletest.Process{Start: 143_000, User: 5})
		metrics = scrape(t, s)
		require.Equal(t, 0.05, series(metrics, "process.cpu.time")["g/user"])
		require.Equal(t, last, since(metrics, "process.cpu.time"))
	})
}

func TestGroupsBeyondTheRoomOverflow(t *testing.T) {
	tree := proctabletest.New(t)
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	cfg := config(tree.Root, Group{Name: "{{ .name }}", Role: "agent", Match: Match{Comm: []string{"(?P<name>.*)"}}})
	cfg.MaxGroups, cfg.Linger = 2, 0 // but zeros are sent once
	s := start(t, cfg, telemetry)
	logs := observe(s)
	page := float64(proctabletest.PageSize)
	tree.Set(2, proctabletest.Process{Comm: "a", Pages: 1, VSize: 1})
	tree.Set(3, proctabletest.Process{Comm: "b", Pages: 1, VSize: 1})
	scrape(t, s)
	tree.Set(4, proctabletest.Process{Comm: "c", Pages: 1, VSize: 1})
	tree.Set(5, proctabletest.Process{Comm: "c", Pages: 1, VSize: 1})
	tree.Set(6, proctabletest.Process{Comm: "a", Pages: 1, VSize: 1})
	require.Equal(t, map[string]float64{"a": 2 * page, "b": page, "_overflow": 2 * page}, series(scrape(t, s), "process.memory.rss"))
	tree.Remove(3)
	require.Equal(t, map[string]float64{"a": 2 * page, "b": 0, "_overflow": 2 * page}, series(scrape(t, s), "process.memory.rss"))
	require.Equal(t, map[string]float64{"a": 2 * page, "c": 2 * page, "_overflow": 0}, series(scrape(t, s), "process.memory.rss"))
	require.Equal(t, map[string]float64{"a": 2 * page, "c": 2 * page}, series(scrape(t, s), "process.memory.rss"), "there is room again")
	require.Equal(t, 1, logs.Len())
	require.Equal(t, map[string]any{"of": "groups", "setting": "max_groups"}, logs.All()[0].ContextMap())
	metadatatest.AssertEqualReceiverAgentProcessOverflow(t, telemetry, []metricdata.DataPoint[int64]{
		{Value: 4, Attributes: attribute.NewSet(attribute.String("of", "groups"))},
	}, metricdatatest.IgnoreTimestamp())
}

func TestTopAndTheRestAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := proctabletest.New(t)
		pass := clock(tree)
		cfg := config(tree.Root, groupOf(Match{Comm: []string{"w."}}))
		cfg.Top, cfg.PSSBudget = 2, 0
		s := start(t, cfg, nil)
		set := func(user, read uint64) {
			for i, comm := range []string{"w1", "w2", "w3", "w4"} {
				n := uint64(i)
				tree.Set(10+i, proctabletest.Process{Comm: comm, VSize: 1, Start: 10, Pages: int64(4 - i), User: user * n, ReadBytes: read * n, WriteBytes: read * n})
			}
		}
		set(0, 0)
		metrics := scrape(t, s)
		require.Empty(t, series(metrics, "agent.process.top.cpu.usage"), "there is nothing to compare with")
		page := float64(proctabletest.PageSize)
		require.Equal(t, map[string]float64{"g/1/w1": 4 * page, "g/2/w2": 3 * page, "/rest/": 3 * page}, series(metrics, "agent.process.top.memory.usage"))
		require.Equal(t, map[string]float64{"/1/memory": 10, "/2/memory": 11}, series(metrics, "agent.process.top.pid"))

		set(100, 1000)
		pass(10)
		metrics = scrape(t, s)
		require.Equal(t, map[string]float64{"g/1/w4": 30, "g/2/w3": 20, "/rest/": 10}, series(metrics, "agent.process.top.cpu.usage"))
		require.Equal(t, map[string]float64{"g/1/w4": 600, "g/2/w3": 400, "/rest/": 200}, series(metrics, "agent.process.top.disk.io"))
		require.Equal(t, map[string]float64{"/1/memory": 10, "/2/memory": 11, "/1/cpu": 13, "/2/cpu": 12, "/1/disk_io": 13, "/2/disk_io": 12}, series(metrics, "agent.process.top.pid"))
		require.Equal(t, 60.0, series(metrics, "process.cpu.usage")["g"])

		pass(10)
		require.Equal(t, map[string]float64{"/rest/": 0}, series(scrape(t, s), "agent.process.top.cpu.usage"), "nobody did anything")
	})
}
