package agentprocess

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// agentProcess watches the processes of one configuration for the pipelines that
// use it.
type agentProcess struct {
	cfg       *Config
	set       receiver.Settings
	telemetry *metadata.TelemetryBuilder
	report    *receiverhelper.ObsReport
	// release makes room for another instance of the same configuration.
	release func()

	// Either may be nil. They are set before Start and not changed after it.
	metrics consumer.Metrics
	logs    consumer.Logs

	mu         sync.Mutex
	started    bool
	stopped    bool
	scraper    *processScraper
	controller receiver.Metrics // the ticker
	events     *events          // nil when there is nobody to send them to
	cancel     context.CancelFunc
}

func newAgentProcess(cfg *Config, set receiver.Settings, release func()) (*agentProcess, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	return &agentProcess{cfg: cfg, set: set, telemetry: telemetry, report: report, release: release}, nil
}

// Start begins to collect, once for all pipelines.
func (r *agentProcess) Start(ctx context.Context, host component.Host) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started || r.stopped {
		return nil
	}
	if err := r.open(); err != nil {
		return err
	}
	next := r.metrics
	if next == nil {
		var err error
		// There is nothing in what it gets.
		if next, err = consumer.NewMetrics(func(context.Context, pmetric.Metrics) error { return nil }); err != nil {
			return errors.Join(err, r.close())
		}
	}
	metrics, err := scraper.NewMetrics(r.scraper.scrape)
	if err != nil {
		return errors.Join(err, r.close())
	}
	r.controller, err = scraperhelper.NewMetricsController(&r.cfg.ControllerConfig, r.set, next,
		scraperhelper.AddMetricsScraper(metadata.Type, metrics))
	if err != nil {
		return errors.Join(err, r.close())
	}
	// What goes on outlives the context of Start.
	var background context.Context
	background, r.cancel = context.WithCancel(context.Background())
	if r.events != nil {
		go r.events.send(background)
	}
	r.started = true
	return r.controller.Start(ctx, host)
}

// Shutdown stops collecting and sends the events that are waiting, for as long as
// ctx allows.
func (r *agentProcess) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return nil
	}
	r.stopped = true
	r.release()
	defer r.telemetry.Shutdown()
	if !r.started {
		return nil
	}
	err := r.controller.Shutdown(ctx)
	err = errors.Join(err, r.close()) // no exits are heard from here on
	if r.events != nil {
		r.events.drain(ctx)
		r.cancel()
		<-r.events.drained
	}
	r.cancel()
	return err
}

// open makes the scraper and what it needs.
func (r *agentProcess) open() error {
	node, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("asking for the name of this host: %w", err)
	}
	matcher, err := r.matcher()
	if err != nil {
		return err
	}
	table, err := proctable.Open(r.cfg.RootPath)
	if err != nil {
		return err
	}
	table.SetBudget(r.cfg.KeptDescriptors)
	s := &processScraper{
		matcher:   matcher,
		table:     table,
		forest:    lineage.New(r.cfg.MaxProcesses, r.cfg.OrphanAfter),
		groups:    newGroups(r.cfg.MaxGroups, r.cfg.Linger),
		failures:  failures{logger: r.set.Logger, counter: r.telemetry.ReceiverAgentProcessReadFailures, seen: map[failure]time.Time{}},
		telemetry: r.telemetry,
		tracked:   map[proctable.ID]*tracked{},
		last:      time.Now(),
	}
	r.scraper = s
	s.meter = meter{table: table, interval: r.cfg.PSSInterval, budget: r.cfg.PSSBudget, pss: r.cfg.PSSBudget > 0}
	if r.metrics != nil {
		wanted := &r.cfg.Metrics
		s.meter.limits = wanted.ProcessOpenFdsUtilization.Enabled
		s.meter.fds = wanted.ProcessOpenFds.Enabled || s.meter.limits
		s.meter.io = wanted.ProcessDiskIo.Enabled || r.cfg.Top > 0 && wanted.AgentProcessTopDiskIo.Enabled
		s.meter.switches = wanted.ProcessContextSwitches.Enabled
		s.recorder = r.recorder(node, s)
	}
	if r.logs != nil {
		r.listen(node, s)
	}
	return nil
}

// close releases what open took.
func (r *agentProcess) close() error {
	var err error
	if r.scraper.exits != nil && r.scraper.exits.watcher != nil {
		err = r.scraper.exits.watcher.Close()
	}
	return errors.Join(err, r.scraper.table.Close())
}

// matcher compiles the groups for the users of the host.
func (r *agentProcess) matcher() (matcher, error) {
	passwd, err := os.ReadFile(filepath.Join(r.cfg.RootPath, "etc/passwd"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading the users of the host: %w", err)
	}
	m, warnings, err := newMatcher(r.cfg.Groups, parsePasswd(passwd))
	if err != nil {
		return nil, err
	}
	for _, warning := range warnings {
		r.set.Logger.Warn(warning)
	}
	if !r.cfg.BuiltinGroups {
		return m, nil
	}
	more, err := builtinRules()
	return append(m, more...), err
}

func (r *agentProcess) recorder(node string, s *processScraper) *recorder {
	rec := &recorder{
		metrics: metadata.NewMetricsBuilder(r.cfg.MetricsBuilderConfig, r.set),
		service: r.cfg.Service,
		node:    node,
		started: s.last,
		top:     ranking{length: r.cfg.Top},
	}
	if rec.service.Version == "" {
		rec.service.Version = r.set.BuildInfo.Version
	}
	resource := rec.metrics.NewResourceBuilder()
	resource.SetHostName(node)
	rec.resource = resource.Emit()
	if r.cfg.Host {
		rec.host = &hostTotals{
			root:   r.cfg.RootPath,
			booted: func() time.Time { return s.table.StartTime(proctable.ID{}) },
			failed: s.failures.host,
		}
	}
	return rec
}

// listen has exits and orphans sent as events.
func (r *agentProcess) listen(node string, s *processScraper) {
	builder := metadata.NewLogsBuilder(metadata.LogsBuilderConfig{
		Events: r.cfg.Events, ResourceAttributes: r.cfg.ResourceAttributes,
	}, r.set)
	resource := builder.NewResourceBuilder()
	resource.SetHostName(node)
	r.events = &events{
		writer: &writer{builder, resource.Emit()}, next: r.logs,
		report: r.report, telemetry: r.telemetry, logger: r.set.Logger,
		waiting:  make(chan event, maxWaiting),
		draining: make(chan struct{}), drained: make(chan struct{}),
	}
	s.emit = r.events.add
	s.exits = newExits(r.events.add)
	watcher, err := proctable.NewWatcher(s.exits.heard, proctable.WithRoot(r.cfg.RootPath))
	if err != nil {
		r.set.Logger.Warn("Exits cannot be heard as they happen; they are noticed by the next collection, without their codes", zap.Error(err))
		return
	}
	s.exits.watcher = watcher
}
