package agenthealth

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

// settled is when a fresh start has verdicts on all checks that answer, which is
// too early for the second regular batch of metrics.
const settled = 2 * time.Second

// agentHealth runs the checks of one configuration and sends what they find to
// the pipelines that use it.
type agentHealth struct {
	cfg       *Config
	set       receiver.Settings
	telemetry *metadata.TelemetryBuilder
	report    *receiverhelper.ObsReport
	// release makes room for another instance of the same configuration.
	release func()
	// checks makes the checks to run.
	checks func(context.Context, component.Host, *heartbeat.Store) ([]check.Check, error)

	// Either may be nil. They are set before Start and not changed after it.
	metrics consumer.Metrics
	logs    consumer.Logs

	mu      sync.Mutex
	started bool
	stopped bool
	engine  *check.Engine
	events  *events
	memory  *memory // nil without storage
	sending context.CancelFunc
	senders sync.WaitGroup
	// heartbeats is where the server for them listens, nil if there is none, and
	// hangUp ends it.
	heartbeats net.Addr
	hangUp     func(context.Context) error
}

func newAgentHealth(cfg *Config, set receiver.Settings, release func()) (*agentHealth, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{ReceiverID: set.ID, ReceiverCreateSettings: set})
	if err != nil {
		return nil, err
	}
	return &agentHealth{cfg: cfg, set: set, telemetry: telemetry, report: report, release: release, checks: cfg.checks}, nil
}

// Start begins to run the checks, once for all pipelines.
func (r *agentHealth) Start(ctx context.Context, host component.Host) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.started || r.stopped {
		return nil
	}
	beats := new(heartbeat.Store)
	checks, err := r.checks(ctx, host, beats)
	if err != nil {
		return errors.Join(err, closeAll(checks))
	}
	if r.logs != nil {
		r.events = newEvents(r)
	}
	settings := r.cfg.settings()
	settings.OnTransition = r.changed
	settings.OnNotice = r.noticed
	settings.OnPanic = func(name string, value any, stack []byte) {
		r.set.Logger.Error("A probe panicked", zap.String("check", name), zap.Any("panic", value), zap.ByteString("stack", stack))
	}
	if r.engine, err = check.New(checks, settings); err != nil {
		return errors.Join(err, closeAll(checks))
	}
	if r.memory, err = remember(ctx, r, host); err != nil {
		return errors.Join(err, closeAll(checks))
	}
	if r.cfg.AwaitsHeartbeats() {
		if r.hangUp, err = r.listen(ctx, host, beats); err != nil {
			return errors.Join(err, r.memory.close(ctx), closeAll(checks))
		}
	}
	if err := r.observe(beats); err != nil {
		return errors.Join(err, r.stopListening(ctx), r.memory.close(ctx), closeAll(checks))
	}
	r.started = true
	// What goes on outlives the context of Start.
	background, cancel := context.WithCancel(context.Background())
	r.sending = cancel
	if r.events != nil {
		r.senders.Go(func() { r.events.send(background) })
	}
	if r.metrics != nil {
		r.senders.Go(func() { r.sendMetrics(background) })
	}
	if r.memory != nil {
		r.senders.Go(func() { r.memory.keep(background) })
	}
	r.engine.Start()
	return nil
}

// changed takes a transition. It does not block.
func (r *agentHealth) changed(t check.Transition) {
	if r.memory != nil {
		r.memory.note(t.Name)
	}
	if r.events != nil {
		r.events.add(transition(t))
	}
}

// noticed takes a notice. It does not block.
func (r *agentHealth) noticed(n check.Noticed) {
	if r.memory != nil {
		r.memory.note(n.Name)
	}
	if r.events != nil && n.Notice.Kind == check.ContractChanged {
		r.events.add(contractChange(n))
	}
}

func (r *agentHealth) stopListening(ctx context.Context) error {
	if r.hangUp == nil {
		return nil
	}
	return r.hangUp(ctx)
}

// Shutdown stops the checks and sends the events that are waiting, for as long
// as ctx allows.
func (r *agentHealth) Shutdown(ctx context.Context) error {
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
	if err := r.stopListening(ctx); err != nil {
		r.set.Logger.Warn("Not all heartbeats could be taken to the end", zap.Error(err))
	}
	// A probe that hangs must not make the exit of the Collector a failure: it has
	// been reported as unhealthy all along.
	if err := r.engine.Shutdown(ctx); err != nil {
		r.set.Logger.Warn("Not all checks could be stopped in order", zap.Error(err))
	}
	if r.events != nil {
		r.events.drain(ctx)
	}
	r.sending()
	r.senders.Wait()
	return r.memory.close(ctx)
}

// sendMetrics sends a batch at once, when nothing is known yet, another one when
// the first verdicts are in, and from then on one every interval.
func (r *agentHealth) sendMetrics(ctx context.Context) {
	recorder := newRecorder(r)
	ticker := time.NewTicker(r.cfg.CollectionInterval)
	defer ticker.Stop()
	early := time.NewTimer(min(settled, r.cfg.CollectionInterval))
	defer early.Stop()
	for {
		metrics := recorder.batch(time.Now(), r.engine.Snapshots())
		opCtx := r.report.StartMetricsOp(ctx)
		err := r.metrics.ConsumeMetrics(opCtx, metrics)
		r.report.EndMetricsOp(opCtx, metadata.Type.String(), recorder.points, err)
		if err != nil && ctx.Err() == nil {
			r.set.Logger.Error("The metrics were refused", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-early.C:
		case <-ticker.C:
		}
	}
}

// describe fills in the resource that metrics and events belong to.
func (r *agentHealth) describe(resource *metadata.ResourceBuilder) pcommon.Resource {
	if name, err := os.Hostname(); err == nil {
		resource.SetHostName(name)
	}
	return resource.Emit()
}

func closeAll(checks []check.Check) error {
	var errs []error
	for _, c := range checks {
		if closer, ok := c.Probe.(check.Closer); ok {
			errs = append(errs, closer.Close())
		}
	}
	return errors.Join(errs...)
}
