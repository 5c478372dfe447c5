package anomaly

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
	"github.com/watchkeeper/watchkeeper/internal/detect"
	"github.com/watchkeeper/watchkeeper/internal/series"
)

const shards = 32

// store holds the state of every series. A metric of a resource lives in one
// shard with all its series, so that scoring it takes one lock.
type store struct {
	capacity int64
	ttl      time.Duration
	size     atomic.Int64
	shards   [shards]shard
}

type shard struct {
	mu     sync.Mutex
	series *boundedmap.Map[series.ID, *tracked]
	// tallies are used whenever one of their series is, so they outlive each of
	// them, and there is room for them wherever there is room for series.
	tallies *boundedmap.Map[series.ID, *tally]
}

func newStore(capacity int, ttl time.Duration) *store {
	s := &store{capacity: int64(capacity), ttl: ttl}
	for i := range s.shards {
		s.shards[i].series = boundedmap.New[series.ID, *tracked](capacity, ttl)
		s.shards[i].tallies = boundedmap.New[series.ID, *tally](capacity, ttl)
	}
	return s
}

func (s *store) shardOf(id series.ID) *shard { return &s.shards[id.Shard(shards)] }

// series returns the state at id, new if need be; nil if there is no room. The
// caller holds the lock of sh.
func (s *store) series(sh *shard, now time.Time, id series.ID, set detect.Settings) *tracked {
	if _, known := sh.series.Get(id); !known && !s.reserve() {
		s.expireShard(sh, now)
		if !s.reserve() {
			return nil
		}
	}
	t, _ := sh.series.GetOrCreate(now, id, func() *tracked {
		return &tracked{detector: detect.New(set)}
	})
	return t
}

// reserve makes room for one series over all shards together.
func (s *store) reserve() bool {
	if s.size.Add(1) > s.capacity {
		s.size.Add(-1)
		return false
	}
	return true
}

// expire forgets what has been idle for the ttl.
func (s *store) expire(now time.Time) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		s.expireShard(sh, now)
		sh.mu.Unlock()
	}
}

func (s *store) expireShard(sh *shard, now time.Time) {
	s.size.Add(-int64(sh.series.Expire(now)))
	sh.tallies.Expire(now)
}

// tally returns the tally of a metric, new and begun at start if need be; nil if
// there is no room.
func (sh *shard) tally(now time.Time, src source, start pcommon.Timestamp) *tally {
	t, _ := sh.tallies.GetOrCreate(now, src.named, func() *tally {
		return &tally{owner: src.id, start: start}
	})
	return t
}

// tally counts the detections of a metric of a resource.
type tally struct {
	owner             series.ID
	start, last       pcommon.Timestamp
	warning, critical int64
}

func (t *tally) count(v verdict, critical float64) {
	switch {
	case !v.entered:
	case v.score >= critical:
		t.critical++
	default:
		t.warning++
	}
}

// advance moves the time of the counts on and reports whether it did. A count is
// sent once for a time, and never for an earlier one.
func (t *tally) advance(to pcommon.Timestamp) bool {
	if to <= t.last {
		return false
	}
	t.last = to
	return true
}
