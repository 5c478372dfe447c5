package workflow

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/span"
	"github.com/watchkeeper/watchkeeper/internal/span/price"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
	"github.com/watchkeeper/watchkeeper/internal/tally"
	"github.com/watchkeeper/watchkeeper/internal/tracelink"
)

const (
	// beat is how often what has settled is looked for, unless metrics are wanted
	// more often.
	beat = time.Second
	// maxWaiting bounds the findings that no logs pipeline has taken yet.
	maxWaiting = 1000
	// maxAttempts is how often a finding is offered.
	maxAttempts = 60
)

// engine is one connector, whatever number of outputs it has.
type engine struct {
	config    *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	page      tracelink.Page

	// Set while components are made, and not written to after that.
	worker  *output
	traces  consumer.Traces
	metrics consumer.Metrics
	logs    consumer.Logs

	starting, ending sync.Once
	stop             context.CancelFunc
	stopped          chan struct{}

	mu        sync.Mutex // guards all below
	assembler *assembly.Assembler
	ledger    *ledger
	found     []finding                               // not yet sent
	flagged   *boundedmap.Map[span.TraceID, struct{}] // traces that something was found in
	told      map[string]uint64                       // how far each count has been told
	lost      uint64                                  // findings that nobody took
	attempts  int                                     // to send the first of found
	stats     assembly.Stats                          // as of the last beat, for callbacks
}

func newEngine(set connector.Settings, cfg *Config) (*engine, error) {
	page, err := tracelink.Parse(cfg.UIEndpoint)
	if err != nil {
		return nil, fmt.Errorf("ui_endpoint: %w", err)
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	e := &engine{
		config: cfg, logger: set.Logger, telemetry: telemetry,
		page:    page,
		ledger:  newLedger(tally.Limits{Points: cfg.MaxSeries, TTL: cfg.SeriesTTL}),
		flagged: boundedmap.New[span.TraceID, struct{}](cfg.MaxWorkflows, cfg.MaxDuration),
		told:    make(map[string]uint64),
		stopped: make(chan struct{}),
	}
	prices, err := price.Load(cfg.PricesFile)
	if err != nil {
		return nil, fmt.Errorf("prices_file: %w", err)
	}
	settings := cfg.assembly()
	settings.Price = func(provider, model string, t span.Tokens) (float64, string) {
		p, status := prices.Lookup(provider, model)
		if status == price.Missing {
			return -1, status.String()
		}
		return p.Cost(t), status.String()
	}
	e.assembler = assembly.New(settings, sink{e})
	return e, nil
}

// sink is what the assembler tells, always with the engine locked.
type sink struct{ *engine }

func (s sink) Call(c *assembly.Call)      { s.ledger.call(c) }
func (s sink) Failed(f *assembly.Failure) { s.ledger.failure(f) }
func (s sink) Ended(w *assembly.Summary)  { s.ledger.ended(w) }

func (s sink) Found(f *assembly.Finding) {
	s.ledger.found(f)
	s.flagged.GetOrCreate(s.ledger.now, f.TraceID, func() struct{} { return struct{}{} })
	if s.logs == nil {
		return
	}
	if len(s.found) >= maxWaiting {
		s.lost++
		return
	}
	kept := finding{at: s.ledger.now, Finding: *f}
	kept.Tools = append([]string(nil), f.Tools...)
	kept.Arguments = append([]uint64(nil), f.Arguments...)
	s.found = append(s.found, kept)
}

func (e *engine) start(context.Context, component.Host) (err error) {
	e.starting.Do(func() {
		if err = e.observe(); err != nil {
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		e.stop = cancel
		go e.run(ctx)
	})
	return err
}

// observe lets the collector's own telemetry ask for what is remembered.
func (e *engine) observe() error {
	ask := func(of func(assembly.Stats) int) func(context.Context, metric.Int64Observer) error {
		return func(_ context.Context, o metric.Int64Observer) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			o.Observe(int64(of(e.stats)))
			return nil
		}
	}
	if err := e.telemetry.RegisterConnectorWorkflowOpenSpansCallback(ask(func(s assembly.Stats) int { return s.Records })); err != nil {
		return err
	}
	return e.telemetry.RegisterConnectorWorkflowOpenTracesCallback(ask(func(s assembly.Stats) int { return s.Traces }))
}

// shutdown counts what is pending, and sends the last metrics and events. It works
// twice, and without start.
func (e *engine) shutdown(ctx context.Context) error {
	e.ending.Do(func() {
		if e.stop != nil {
			e.stop()
			<-e.stopped
		}
		e.mu.Lock()
		e.ledger.now = time.Now()
		e.assembler.Close(e.ledger.now)
		e.mu.Unlock()
		e.sendMetrics(ctx)
		e.sendEvents(ctx)
		e.account(ctx)
		e.telemetry.Shutdown()
	})
	return nil
}

// run looks for what has settled and sends metrics and events, until ctx is done.
func (e *engine) run(ctx context.Context) {
	defer close(e.stopped)
	ticker := time.NewTicker(min(beat, e.config.MetricsInterval))
	defer ticker.Stop()
	next := time.Now().Add(e.config.MetricsInterval)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		e.mu.Lock()
		e.ledger.now = now
		e.assembler.Tick(now)
		e.flagged.Expire(now)
		e.mu.Unlock()
		e.sendEvents(ctx)
		if !now.Before(next) {
			e.sendMetrics(ctx)
			for next = next.Add(e.config.MetricsInterval); !next.After(now); {
				next = now.Add(e.config.MetricsInterval) // the machine was asleep
			}
		}
		e.account(ctx)
	}
}

// sendMetrics sends every metric. What is refused comes again with the next: the
// sums are cumulative.
func (e *engine) sendMetrics(ctx context.Context) {
	if e.metrics == nil {
		return
	}
	now := time.Now()
	e.mu.Lock()
	md := e.ledger.samples(now, e.assembler.Open(now))
	e.mu.Unlock()
	if err := e.metrics.ConsumeMetrics(ctx, md); err != nil {
		e.logger.Warn("The metrics of workflows were refused; the next have them too", zap.Error(err))
	}
}

// sendEvents sends what was found. What is refused is kept and sent again.
func (e *engine) sendEvents(ctx context.Context) {
	e.mu.Lock()
	found := e.found
	e.found = nil
	e.mu.Unlock()
	if len(found) == 0 || e.logs == nil {
		return
	}
	err := e.logs.ConsumeLogs(ctx, events(found, e.page))
	e.mu.Lock()
	defer e.mu.Unlock()
	switch e.attempts++; {
	case err == nil:
		e.attempts = 0
	case consumererror.IsPermanent(err) || e.attempts >= maxAttempts || ctx.Err() != nil:
		e.attempts = 0
		e.lost += uint64(len(found))
		e.logger.Error("Events of workflows were dropped", zap.Int("events", len(found)), zap.Error(err))
	default:
		room := max(0, maxWaiting-len(e.found))
		if len(found) > room {
			e.lost += uint64(len(found) - room)
			found = found[len(found)-room:]
		}
		e.found = append(found, e.found...)
	}
}

// account tells the collector's own telemetry what was not treated as the rest.
func (e *engine) account(ctx context.Context) {
	e.mu.Lock()
	e.stats = e.assembler.Stats()
	counts := map[string]uint64{
		"duplicate":      e.stats.Duplicates,
		"late":           e.stats.Late,
		"past_max_spans": e.stats.Dropped,
		"evicted":        e.stats.Evicted,
		"forgotten":      e.stats.Forgotten,
		"unjoined":       e.stats.Unjoined,
		"overflow":       e.ledger.refused(),
		"undelivered":    e.lost,
	}
	added := make(map[string]uint64)
	for reason, n := range counts {
		if n > e.told[reason] {
			added[reason] = n - e.told[reason]
			e.told[reason] = n
		}
	}
	e.mu.Unlock()
	for reason, n := range added {
		e.telemetry.ConnectorWorkflowIrregular.Add(ctx, int64(n),
			metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reason))))
	}
}
