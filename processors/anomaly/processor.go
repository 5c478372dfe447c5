package anomaly

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/watchkeeper/watchkeeper/internal/detect"
	"github.com/watchkeeper/watchkeeper/internal/series"
	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadata"
)

// maxAhead is how far the time of a point may lie in the future. A point beyond
// it would make every point after it late.
const maxAhead = 10 * time.Minute

// anomalyProcessor scores points between the pipeline and the detectors. It is
// safe for concurrent use.
type anomalyProcessor struct {
	names     names
	rules     rules
	version   string
	store     *store
	telemetry *metadata.TelemetryBuilder

	stop     context.CancelFunc
	sweeping sync.WaitGroup
}

func newProcessor(set processor.Settings, cfg *Config) (*anomalyProcessor, error) {
	names, err := newNames(cfg.Include, cfg.Exclude)
	if err != nil {
		return nil, err
	}
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	p := &anomalyProcessor{
		names:     names,
		rules:     newRules(cfg),
		version:   set.BuildInfo.Version,
		store:     newStore(cfg.MaxSeries, cfg.SeriesTTL),
		telemetry: telemetry,
	}
	err = telemetry.RegisterProcessorAnomalySeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(p.store.size.Load())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *anomalyProcessor) start(context.Context, component.Host) error {
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.sweeping.Go(func() {
		tick := time.NewTicker(p.store.ttl / 4)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				p.store.expire(now)
			}
		}
	})
	return nil
}

func (p *anomalyProcessor) shutdown(context.Context) error {
	if p.stop != nil {
		p.stop()
	}
	p.sweeping.Wait()
	p.telemetry.Shutdown()
	return nil
}

func (p *anomalyProcessor) processMetrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	b := batch{p: p, now: time.Now()}
	b.latest = pcommon.NewTimestampFromTime(b.now.Add(maxAhead))
	for _, rm := range md.ResourceMetrics().All() {
		b.resource(rm)
	}
	if b.scored > 0 {
		p.telemetry.ProcessorAnomalyPointsScored.Add(ctx, b.scored)
	}
	for r, n := range b.dropped {
		if n > 0 {
			p.telemetry.ProcessorAnomalyPointsDropped.Add(ctx, n,
				metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", reason(r).String()))))
		}
	}
	return md, nil
}

// batch is one call of processMetrics.
type batch struct {
	p       *anomalyProcessor
	now     time.Time
	latest  pcommon.Timestamp
	scored  int64
	dropped [reasons]int64
}

func (b *batch) resource(rm pmetric.ResourceMetrics) {
	id := series.OfResource(rm.Resource())
	out := newDerived(rm, b.p.version)
	sources := rm.ScopeMetrics().Len() // out may append to them
	for i := range sources {
		sm := rm.ScopeMetrics().At(i)
		if isOurs(sm) {
			continue
		}
		scope := id.Scope(sm.Scope())
		for _, m := range sm.Metrics().All() {
			kind, ok := kindOf(m)
			if !ok || strings.HasPrefix(m.Name(), ownPrefix) || !b.p.names.match(m.Name()) || out.holds(m.Name()) {
				continue
			}
			b.metric(source{
				named:  id.Named(m.Name()),
				id:     scope.Metric(m),
				kind:   kind,
				floor:  floorOf(m),
				scope:  sm.Scope().Name(),
				metric: m,
			}, out)
		}
	}
}

// source is a metric to score.
type source struct {
	// named identifies what the derived metrics call the metric: the resource and
	// the name. Two scopes may have a metric of one name.
	named  series.ID
	id     series.ID
	kind   kind
	floor  float64
	scope  string
	metric pmetric.Metric
}

func (b *batch) metric(src source, out *derived) {
	sh := b.p.store.shardOf(src.named)
	sh.mu.Lock()
	defer sh.mu.Unlock()

	name := label{metric: src.metric.Name()}
	if t, known := sh.tallies.Get(src.named); known && t.owner != src.id {
		name.scope = src.scope
		src.named = src.named.Named(src.scope)
		if t, known = sh.tallies.Get(src.named); known && t.owner != src.id {
			b.dropped[ambiguous] += int64(lengthOf(src.metric))
			return
		}
	}
	var (
		counts *tally
		newest pcommon.Timestamp
	)
	for pt := range pointsOf(src.metric) {
		v, why := b.point(sh, src, pt)
		if why != none {
			b.dropped[why]++
			continue
		}
		if counts == nil {
			if counts = sh.tally(b.now, src, pt.time); counts == nil {
				b.dropped[maxSeries]++
				continue
			}
		}
		counts.count(v, b.p.rules.critical)
		newest = max(newest, pt.time)
		out.point(name, pt, v)
		b.scored++
	}
	if counts != nil && counts.advance(newest) {
		out.detections(name, counts)
	}
}

// point scores a point of src. The caller holds the lock of sh.
func (b *batch) point(sh *shard, src source, pt point) (verdict, reason) {
	switch {
	case pt.empty:
		return verdict{}, noRecordedValue
	case pt.time > b.latest:
		return verdict{}, future
	}
	t := b.p.store.series(sh, b.now, src.id.Point(pt.attributes), detect.Settings{WarmUp: b.p.rules.warmUp, Floor: src.floor})
	if t == nil {
		return verdict{}, maxSeries
	}
	v, outcome := t.observe(src.kind, pt, b.p.rules.levels)
	return v, reasonOf(outcome)
}
