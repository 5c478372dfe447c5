package agentprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// newReceiver puts a processScraper under the control of a ticker.
func newReceiver(set receiver.Settings, cfg *Config, next consumer.Metrics) (receiver.Metrics, error) {
	s, err := newScraper(set, cfg)
	if err != nil {
		return nil, err
	}
	metrics, err := scraper.NewMetrics(s.scrape, scraper.WithStart(s.start), scraper.WithShutdown(s.shutdown))
	if err != nil {
		return nil, err
	}
	controller, err := scraperhelper.NewMetricsController(&cfg.ControllerConfig, set, next,
		scraperhelper.AddMetricsScraper(metadata.Type, metrics))
	if err != nil {
		return nil, err
	}
	return &once{Metrics: controller}, nil
}

// once lets Shutdown be called again, which the controller does not bear.
type once struct {
	receiver.Metrics
	down sync.Once
	err  error
}

func (o *once) Shutdown(ctx context.Context) error {
	o.down.Do(func() { o.err = o.Metrics.Shutdown(ctx) })
	return o.err
}

// processScraper turns snapshots into metrics. The controller calls it from one
// goroutine at a time.
type processScraper struct {
	cfg       *Config
	logger    *zap.Logger
	version   string
	telemetry *metadata.TelemetryBuilder
	metrics   *metadata.MetricsBuilder
	failures  failures

	started time.Time
	node    string
	matcher matcher
	meter   meter

	// assigned holds the groups of the processes of the last snapshot; former is
	// what it was before, and then the memory for the next one.
	assigned, former map[proctable.ID]assignment
	members          []member
	// shown are the states that each group has had.
	shown []map[proctable.State]bool
}

// assignment is the group of a process for as long as it runs the same image.
type assignment struct {
	image *proctable.Image
	group int
}

func newScraper(set receiver.Settings, cfg *Config) (*processScraper, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	s := &processScraper{
		cfg:       cfg,
		logger:    set.Logger,
		version:   cfg.Service.Version,
		telemetry: telemetry,
		metrics:   metadata.NewMetricsBuilder(cfg.MetricsBuilderConfig, set),
		failures:  failures{logger: set.Logger, counter: telemetry.ReceiverAgentProcessReadFailures, seen: map[failure]time.Time{}},
		assigned:  map[proctable.ID]assignment{},
		former:    map[proctable.ID]assignment{},
	}
	if s.version == "" {
		s.version = set.BuildInfo.Version
	}
	for range cfg.Groups {
		s.shown = append(s.shown, map[proctable.State]bool{proctable.Running: true, proctable.Sleeping: true})
	}
	return s, nil
}

func (s *processScraper) start(context.Context, component.Host) error {
	s.started = time.Now()
	var err error
	if s.node, err = os.Hostname(); err != nil {
		return fmt.Errorf("asking for the name of this host: %w", err)
	}
	passwd, err := os.ReadFile(filepath.Join(s.cfg.RootPath, "etc/passwd"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the users of the host: %w", err)
	}
	var warnings []string
	if s.matcher, warnings, err = newMatcher(s.cfg.Groups, parsePasswd(passwd)); err != nil {
		return err
	}
	for _, warning := range warnings {
		s.logger.Warn(warning)
	}
	table, err := proctable.Open(s.cfg.RootPath)
	if err != nil {
		return err
	}
	s.meter = meter{table: table, readFDs: s.cfg.Metrics.ProcessOpenFds.Enabled}
	if s.cfg.Metrics.ProcessMemoryUsage.Enabled {
		s.meter.pssBudget = s.cfg.PSSBudget
	}
	return nil
}

func (s *processScraper) shutdown(context.Context) error {
	s.telemetry.Shutdown()
	if s.meter.table == nil {
		return nil
	}
	err := s.meter.table.Close()
	s.meter.table = nil
	return err
}

func (s *processScraper) scrape(ctx context.Context) (pmetric.Metrics, error) {
	snapshot, err := s.meter.table.Snapshot()
	var faults proctable.Faults
	if err != nil && !errors.As(err, &faults) {
		return pmetric.NewMetrics(), err
	}
	s.assign(snapshot.Processes, &faults)
	groups, overBudget := s.meter.measure(len(s.cfg.Groups), s.members, &faults)
	if overBudget > 0 {
		s.failures.count(ctx, "smaps_rollup", "budget", overBudget)
	}

	now := pcommon.NewTimestampFromTime(time.Now())
	s.recordInfo(now)
	for i := range groups {
		s.record(now, i, groups[i], snapshot.Elapsed)
	}
	s.failures.report(ctx, faults)
	resource := s.metrics.NewResourceBuilder()
	resource.SetHostName(s.node)
	return s.metrics.Emit(metadata.WithResource(resource.Emit())), nil
}

// assign fills members with the processes that are in a group. What is kept for
// it lasts as long as the process.
func (s *processScraper) assign(processes []proctable.Process, faults *proctable.Faults) {
	s.assigned, s.former = s.former, s.assigned
	clear(s.assigned)
	s.members = s.members[:0]
	for _, p := range processes {
		a, known := s.former[p.ID]
		if !known || a.image != p.Image {
			group, err := s.matcher.group(p.Image, func() (string, error) { return s.meter.table.Executable(p.ID) })
			faults.Add("exe", err)
			a = assignment{p.Image, group}
			if err != nil {
				a.image = nil // so that it is tried again
			}
		}
		s.assigned[p.ID] = a
		if a.group != noGroup {
			s.members = append(s.members, member{p, a.group})
		}
	}
}

func (s *processScraper) recordInfo(now pcommon.Timestamp) {
	var optional []metadata.MetricAttributeOption
	if s.cfg.Service.Environment != "" {
		optional = append(optional, metadata.WithEnvironmentMetricAttribute(s.cfg.Service.Environment))
	}
	if s.cfg.Service.Zone != "" {
		optional = append(optional, metadata.WithZoneMetricAttribute(s.cfg.Service.Zone))
	}
	s.metrics.RecordAgentSystemInfoDataPoint(now, 1, s.cfg.Service.Name, s.version, s.node,
		runtime.Version(), s.started.UTC().Format(time.RFC3339), optional...)
}

// record writes the metrics of one group. A group without processes has zeros,
// not silence, so that its loss can be seen; a value that is not known is left
// out.
func (s *processScraper) record(now pcommon.Timestamp, i int, u usage, elapsed time.Duration) {
	name, role := s.cfg.Groups[i].Name, metadata.MapAttributeAgentRole[s.cfg.Groups[i].Role]
	if elapsed > 0 && (u.cpuKnown > 0 || u.processes == 0) {
		s.metrics.RecordProcessCPUUsageDataPoint(now, 100*u.cpu.Seconds()/elapsed.Seconds(), name, role)
	}
	s.metrics.RecordProcessMemoryUsageDataPoint(now, u.memory, name, role)
	s.metrics.RecordProcessMemoryRssDataPoint(now, u.rss, name, role)
	if u.fdsKnown > 0 || u.fdsHidden == 0 {
		s.metrics.RecordProcessOpenFdsDataPoint(now, int64(u.fds), name, role)
	}
	for _, state := range proctable.States {
		if n := u.states[state]; n > 0 || s.shown[i][state] {
			s.shown[i][state] = true
			s.metrics.RecordAgentProcessCountDataPoint(now, int64(n), name, role, metadata.MapAttributeState[string(state)])
		}
	}
}
