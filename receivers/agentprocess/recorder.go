package agentprocess

import (
	"context"
	"runtime"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// recorder turns what a collection found into metrics.
type recorder struct {
	metrics  *metadata.MetricsBuilder
	resource pcommon.Resource
	service  Service
	node     string
	started  time.Time
	top      ranking
	host     *hostTotals // nil when they are not wanted
}

func (r *recorder) record(ctx context.Context, now time.Time, elapsed time.Duration, list []*group, orphans []tree, members []*member) pmetric.Metrics {
	at := pcommon.NewTimestampFromTime(now)
	r.info(at)
	for _, g := range list {
		r.group(at, g, elapsed)
	}
	r.orphans(at, now, list, orphans)
	r.top.record(r.metrics, at, elapsed, members)
	if r.host != nil {
		r.host.record(ctx, r.metrics, at)
	}
	metrics := r.metrics.Emit(metadata.WithResource(r.resource))
	r.begin(metrics, now, list)
	return metrics
}

func (r *recorder) info(at pcommon.Timestamp) {
	var optional []metadata.MetricAttributeOption
	if r.service.Environment != "" {
		optional = append(optional, metadata.WithEnvironmentMetricAttribute(r.service.Environment))
	}
	if r.service.Zone != "" {
		optional = append(optional, metadata.WithZoneMetricAttribute(r.service.Zone))
	}
	r.metrics.RecordAgentSystemInfoDataPoint(at, 1, r.service.Name, r.service.Version, r.node,
		runtime.Version(), r.started.UTC().Format(time.RFC3339), optional...)
}

// group writes the metrics of one group. A group without processes has zeros, not
// silence, so that its loss can be seen; a value that is not known is left out.
func (r *recorder) group(at pcommon.Timestamp, g *group, elapsed time.Duration) {
	u, c, m := &g.usage, &g.counted, r.metrics
	if elapsed > 0 && (u.cpuKnown > 0 || u.processes == 0) {
		m.RecordProcessCPUUsageDataPoint(at, 100*u.cpu.Seconds()/elapsed.Seconds(), g.name, g.label)
	}
	m.RecordProcessCPUTimeDataPoint(at, c.user.Seconds(), g.name, g.label, metadata.AttributeCPUModeUser)
	m.RecordProcessCPUTimeDataPoint(at, c.system.Seconds(), g.name, g.label, metadata.AttributeCPUModeSystem)
	m.RecordProcessMemoryUsageDataPoint(at, u.memory, g.name, g.label)
	m.RecordProcessMemoryRssDataPoint(at, u.rss, g.name, g.label)
	m.RecordProcessMemoryVirtualDataPoint(at, u.virtual, g.name, g.label)
	m.RecordProcessThreadCountDataPoint(at, int64(u.threads), g.name, g.label)
	m.RecordProcessUptimeDataPoint(at, u.oldest.Seconds(), g.name, g.label)
	m.RecordProcessPagingFaultsDataPoint(at, int64(c.minorFaults), g.name, g.label, metadata.AttributeSystemPagingFaultTypeMinor)
	m.RecordProcessPagingFaultsDataPoint(at, int64(c.majorFaults), g.name, g.label, metadata.AttributeSystemPagingFaultTypeMajor)
	if u.fdsKnown > 0 || u.fdsHidden == 0 {
		m.RecordProcessOpenFdsDataPoint(at, int64(u.fds), g.name, g.label)
	}
	if u.fdShareKnown || u.processes == 0 {
		m.RecordProcessOpenFdsUtilizationDataPoint(at, u.fdShare, g.name, g.label)
	}
	if c.ioKnown {
		m.RecordProcessDiskIoDataPoint(at, int64(c.io.ReadBytes), g.name, g.label, metadata.AttributeDiskIoDirectionRead)
		m.RecordProcessDiskIoDataPoint(at, int64(c.io.WriteBytes), g.name, g.label, metadata.AttributeDiskIoDirectionWrite)
	}
	if c.switchesKnown {
		m.RecordProcessContextSwitchesDataPoint(at, int64(c.voluntary), g.name, g.label, metadata.AttributeProcessContextSwitchTypeVoluntary)
		m.RecordProcessContextSwitchesDataPoint(at, int64(c.involuntary), g.name, g.label, metadata.AttributeProcessContextSwitchTypeInvoluntary)
	}
	for i, state := range proctable.States {
		if n := u.states[i]; n > 0 || g.shown[i] {
			g.shown[i] = true
			m.RecordAgentProcessCountDataPoint(at, int64(n), g.name, g.label, metadata.MapAttributeState[string(state)])
		}
	}
}

// orphans writes the orphans of each name that groups have, zeros included.
func (r *recorder) orphans(at pcommon.Timestamp, now time.Time, list []*group, trees []tree) {
	for i, g := range list {
		if slices.ContainsFunc(list[:i], func(other *group) bool { return other.name == g.name }) {
			continue
		}
		var (
			n, memory int64
			age       time.Duration
		)
		for _, t := range trees {
			if t.top.group.name == g.name {
				n += int64(t.Processes)
				memory += t.memory
				age = max(age, now.Sub(t.Since))
			}
		}
		r.metrics.RecordAgentProcessOrphansDataPoint(at, n, g.name)
		r.metrics.RecordAgentProcessOrphansMemoryDataPoint(at, memory, g.name)
		r.metrics.RecordAgentProcessOrphansAgeDataPoint(at, age.Seconds(), g.name)
	}
}

// begin sets when the counters of each group began, which differs: a group that
// ended and came back counts anew.
func (r *recorder) begin(metrics pmetric.Metrics, now time.Time, list []*group) {
	began := make(map[groupKey]pcommon.Timestamp, len(list))
	for _, g := range list {
		start := g.began
		if start.Round(0).After(now.Round(0)) { // the clock was set back
			start = now
		}
		began[g.groupKey] = pcommon.NewTimestampFromTime(start)
	}
	for _, resource := range metrics.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, m := range scope.Metrics().All() {
				if m.Type() == pmetric.MetricTypeSum && m.Sum().IsMonotonic() {
					r.beginSum(m.Sum().DataPoints(), began)
				}
			}
		}
	}
}

func (r *recorder) beginSum(points pmetric.NumberDataPointSlice, began map[groupKey]pcommon.Timestamp) {
	for _, p := range points.All() {
		name, ofGroup := p.Attributes().Get("process.group")
		role, _ := p.Attributes().Get("agent.role")
		switch {
		case ofGroup:
			p.SetStartTimestamp(began[groupKey{name.Str(), lineage.Role(role.Str())}])
		case r.host != nil:
			p.SetStartTimestamp(pcommon.NewTimestampFromTime(r.host.booted()))
		}
	}
}
