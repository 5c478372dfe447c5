package prometheus

import (
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/expo"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

// A reason says why a point is not exposed.
type reason uint8

const (
	conflicting reason = iota
	overLimit
	malformed
	nameless
	late
	temporality
	reasons
)

func (r reason) String() string {
	return [reasons]string{"conflict", "limit", "malformed", "name", "out_of_order", "temporality"}[r]
}

// intake puts points into the store. It remembers each stream of points that it
// has seen, so that names and labels are made only once for each.
type intake struct {
	naming *naming
	store  *expo.Store
	logger *zap.Logger

	mu      sync.Mutex
	streams *boundedmap.Map[series.ID, *stream]
	targets *boundedmap.Map[string, *target]
	// told holds what was logged, because each fault is worth one line, not one a
	// point.
	told    *boundedmap.Map[string, struct{}]
	dropped [reasons]int64
	renamed uint64
	scratch expo.Sample
}

func newIntake(c *Config, store *expo.Store, logger *zap.Logger) (*intake, error) {
	n, err := newNaming(c)
	if err != nil {
		return nil, err
	}
	return &intake{
		naming:  n,
		store:   store,
		logger:  logger,
		streams: boundedmap.New[series.ID, *stream](c.MaxSeries, c.MetricExpiration),
		targets: boundedmap.New[string, *target](c.MaxSeries, c.MetricExpiration),
		told:    boundedmap.New[string, struct{}](1000, 0),
	}, nil
}

// consume takes the points over as of now and returns how many were dropped, by
// reason.
func (in *intake) consume(now time.Time, md pmetric.Metrics) [reasons]int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dropped = [reasons]int64{}
	in.streams.Expire(now)
	in.targets.Expire(now)
	for _, rm := range md.ResourceMetrics().All() {
		resource := series.OfResource(rm.Resource())
		in.describe(now, resource, rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			o := origin{rm.Resource().Attributes(), sm.Scope(), sm.SchemaUrl()}
			scope := resource.Scope(sm.Scope()).Named(sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				in.metric(&batch{intake: in, now: now, origin: o, metric: m, id: scope.Metric(m)})
			}
		}
	}
	return in.dropped
}

// renamedLabels returns how many labels had to give way to others.
func (in *intake) renamedLabels() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.renamed + in.store.Stats().RenamedLabels
}

func (in *intake) metric(b *batch) {
	switch m := b.metric; m.Type() {
	case pmetric.MetricTypeGauge:
		for _, p := range m.Gauge().DataPoints().All() {
			b.number(p, false)
		}
	case pmetric.MetricTypeSum:
		delta, ok := isDelta(m.Sum().AggregationTemporality())
		// The total of deltas that go up and down is worth nothing: where it
		// started is not known.
		if !ok || delta && !m.Sum().IsMonotonic() {
			b.drop(temporality, m.Sum().DataPoints().Len())
			return
		}
		for _, p := range m.Sum().DataPoints().All() {
			b.number(p, delta)
		}
	case pmetric.MetricTypeHistogram:
		delta, ok := isDelta(m.Histogram().AggregationTemporality())
		if !ok {
			b.drop(temporality, m.Histogram().DataPoints().Len())
			return
		}
		for _, p := range m.Histogram().DataPoints().All() {
			b.histogram(p, delta)
		}
	case pmetric.MetricTypeExponentialHistogram:
		delta, ok := isDelta(m.ExponentialHistogram().AggregationTemporality())
		if !ok {
			b.drop(temporality, m.ExponentialHistogram().DataPoints().Len())
			return
		}
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			b.exponential(p, delta)
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			b.summary(p)
		}
	}
}

func isDelta(t pmetric.AggregationTemporality) (delta, known bool) {
	return t == pmetric.AggregationTemporalityDelta, t != pmetric.AggregationTemporalityUnspecified
}

// point is what the types of points have in common.
type point struct {
	attributes pcommon.Map
	time       pcommon.Timestamp
	flags      pmetric.DataPointFlags
}

// write puts a sample, which it may change, into the series of a point.
func (b *batch) write(p point, sample *expo.Sample, delta bool) {
	id := b.id.Point(p.attributes)
	st, known := b.streams.Get(id)
	if known && st.isLate(p.time, delta) {
		// Not a use of the stream: a sender whose clock was set back is heard again
		// once what it sent before has expired.
		b.drop(late, 1)
		return
	}
	if p.flags.NoRecordedValue() {
		if known {
			b.store.Remove(st.handle)
			b.streams.Delete(id)
		}
		return
	}
	if sample == nil || !sample.Fits(b.kind()) {
		b.drop(malformed, 1)
		return
	}
	st, ok := b.streams.GetOrCreate(b.now, id, func() *stream { return &stream{} })
	if !ok {
		b.drop(overLimit, 1)
		return
	}
	if !known && !b.open(st, p) {
		b.streams.Delete(id)
		return
	}
	st.last = p.time
	if delta {
		st.accumulate(sample)
	}
	sample.Time = p.time.AsTime().UnixMilli()
	// What Set says against a sample was ruled out above.
	collided, err := b.store.Set(b.now, st.handle, *sample)
	if errors.Is(err, expo.ErrGone) {
		if !b.open(st, p) {
			b.streams.Delete(id)
			return
		}
		collided, _ = b.store.Set(b.now, st.handle, *sample)
	}
	if collided {
		b.tell("sources that differ in no label overwrite each other's series; the last to write wins", b.metric.Name())
	}
}

// open gives the stream a handle on its series, or drops the point.
func (b *batch) open(st *stream, p point) bool {
	family, err := b.naming.family(b.metric)
	if err != nil {
		b.drop(nameless, 1)
		return false
	}
	labels, renamed := b.naming.labels(b.origin, p.attributes)
	h, err := b.store.Open(b.now, family, labels)
	switch {
	case errors.Is(err, expo.ErrFull):
		b.drop(overLimit, 1)
	case errors.Is(err, expo.ErrConflict):
		b.drop(conflicting, 1)
	case err != nil:
		b.drop(nameless, 1)
	default:
		b.renamed += uint64(renamed)
		st.handle = h
		return true
	}
	return false
}

// advice is what is logged, once a metric, for a reason that someone can mend.
var advice = [reasons]string{
	conflicting: "dropping points: another metric has the same name and another type, or writes lines of that name",
	overLimit:   "dropping points of new series: max_series is reached",
	malformed:   "dropping points that contradict themselves or have no value",
	nameless:    "dropping points: no character of the metric's name can be used",
	temporality: "dropping points: temporality is unspecified, or delta of a sum that is not monotonic",
}

func (b *batch) drop(r reason, points int) {
	b.dropped[r] += int64(points)
	if advice[r] != "" && points > 0 {
		b.tell(advice[r], b.metric.Name())
	}
}

func (in *intake) tell(message, metric string) {
	key := message
	if message != advice[overLimit] { // a full store is one fault, whatever meets it
		key += metric
	}
	if _, known := in.told.Get(key); known {
		return
	}
	if _, ok := in.told.GetOrCreate(time.Time{}, key, func() struct{} { return struct{}{} }); ok {
		in.logger.Warn(message, zap.String("metric", metric))
	}
}
