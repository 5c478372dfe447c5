package prometheus

import (
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/expo"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

// intake puts points into the store. It remembers each stream of points that it
// has seen, so that names and labels are made only once for each.
type intake struct {
	naming     *naming
	store      *expo.Store
	logger     *zap.Logger
	expiration time.Duration
	limit      int
	aggregate  bool
	deltas     bool

	mu      sync.Mutex
	streams map[series.ID]*stream
	origins map[series.ID]*origin
	// purged is when streams and origins were last looked through.
	purged  time.Time
	targets *boundedmap.Map[string, *target]
	beyond  *overflow
	// told holds what was logged, because each fault is worth one line, not one a
	// point.
	told    *boundedmap.Map[string, struct{}]
	outcome outcome
	renamed uint64
	scratch expo.Sample
}

// outcome of a batch, in points.
type outcome struct {
	dropped    [reasons]int64
	overflowed int64
}

// stream is the points of one source with one set of attributes.
type stream struct {
	expo.Handle
	// total is the sum of the deltas so far; nil without any.
	total *expo.Sample
}

// origin is a resource.
type origin struct {
	expo.Origin
	seen time.Time
}

func newIntake(c *Config, store *expo.Store, logger *zap.Logger) (*intake, error) {
	n, err := newNaming(c)
	if err != nil {
		return nil, err
	}
	return &intake{
		naming:     n,
		store:      store,
		logger:     logger,
		expiration: c.MetricExpiration,
		limit:      c.MaxSeries,
		aggregate:  c.Overflow == OverflowAggregate,
		deltas:     c.DeltaTemporality == DeltaAccumulate,
		streams:    map[series.ID]*stream{},
		origins:    map[series.ID]*origin{},
		targets:    boundedmap.New[string, *target](c.MaxSeries, c.MetricExpiration),
		beyond:     newOverflow(c.MaxSeries),
		told:       boundedmap.New[string, struct{}](1000, 0),
	}, nil
}

// consume takes the points over as of now and returns what became of those that
// have no series of their own.
func (in *intake) consume(now time.Time, md pmetric.Metrics) outcome {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.outcome = outcome{}
	in.store.Sweep(now)
	in.targets.Expire(now)
	in.purge(now)
	for _, rm := range md.ResourceMetrics().All() {
		resource := series.OfResource(rm.Resource())
		from := in.origin(now, resource)
		in.describe(now, resource, rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			at := place{rm.Resource().Attributes(), sm.Scope(), sm.SchemaUrl()}
			scope := resource.Scope(sm.Scope()).Named(sm.SchemaUrl())
			for _, m := range sm.Metrics().All() {
				in.metric(&batch{intake: in, now: now, place: at, from: from, metric: m, id: scope.Metric(m)})
			}
		}
	}
	in.store.Publish()
	return in.outcome
}

// origin notes that a resource was heard from. There are no more of them than
// series may be; for one beyond, what it sends lives no longer than a gauge.
func (in *intake) origin(now time.Time, id series.ID) *expo.Origin {
	o := in.origins[id]
	if o == nil {
		if len(in.origins) >= in.limit {
			return nil
		}
		o = &origin{}
		in.origins[id] = o
	}
	o.seen = now
	in.store.Touch(now, &o.Origin)
	return &o.Origin
}

// purge forgets streams whose series are gone and resources that are silent,
// when they may be many; that looks at each.
func (in *intake) purge(now time.Time) {
	live := in.store.Stats().Series
	many := len(in.streams) > live+live/4+1000 || len(in.origins) > live+1000 || len(in.origins) >= in.limit
	if !many || now.Sub(in.purged) < in.expiration/8 {
		return
	}
	in.purged = now
	for id, st := range in.streams {
		if _, alive := in.store.Idle(now, &st.Handle); !alive {
			delete(in.streams, id)
		}
	}
	for id, o := range in.origins {
		if now.Sub(o.seen) >= in.expiration {
			delete(in.origins, id)
		}
	}
}

// renamedLabels returns how many labels had to give way to others.
func (in *intake) renamedLabels() uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.renamed + in.store.Stats().RenamedLabels
}
