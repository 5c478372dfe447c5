package expo

import (
	"errors"
	"sync"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
)

// Errors of Store.Open and Store.Set. Each means that nothing was written.
var (
	// ErrFull: the series is new and the store holds MaxSeries younger ones.
	ErrFull = errors.New("too many series")
	// ErrConflict: another family, or the same with another type, already writes
	// lines of this name.
	ErrConflict = errors.New("name is taken by another metric or type")
	// ErrName: a family without a name.
	ErrName = errors.New("metric has no name")
	// ErrSample: the sample cannot be written as the type of its family; see
	// Sample.
	ErrSample = errors.New("sample does not fit the metric's type")
	// ErrGone: the series has expired or was removed. Open it again.
	ErrGone = errors.New("series has expired")
)

// Options of a Store.
type Options struct {
	// MaxSeries bounds the number of series; at least 1. Newcomers past it are
	// refused, series already there stay exact.
	MaxSeries int
	// Expiration is how long a series outlives its last update. Zero keeps series
	// until they are removed.
	Expiration time.Duration
	// Timestamps adds the time of each sample to its line.
	Timestamps bool
	// KeepLabels makes Renamed possible, for some 32 bytes a label.
	KeepLabels bool
}

// Stats are the store's contents and what befell it since it was made.
type Stats struct {
	Series, Families int
	// Refused counts calls of Open that found the store full.
	Refused uint64
	// Expired counts series that went without an update for too long.
	Expired uint64
	// Collisions counts samples that replaced another live source's.
	Collisions uint64
	// RenamedLabels counts labels of opened series whose names are reserved.
	RenamedLabels uint64
}

// Store holds the latest sample of each series. It is safe for concurrent use.
// It reads no clock: callers pass the time, which decides about expiry only.
type Store struct {
	options Options

	mu sync.Mutex
	// claims maps each line name to the family that writes it: a histogram claims
	// its _bucket, _sum and _count lines too.
	claims map[string]*family
	// order lists the families by name; nil when it must be made anew.
	order    []*family
	families int
	series   *boundedmap.Map[string, *series]
	stats    Stats
}

// Handle is one source's way to write to a series. Sources that describe the
// same series have a handle each; the last to write wins.
type Handle struct {
	series *series
	// overwritten says that another source has written since this one did.
	overwritten bool
}

// New returns an empty store. It panics when MaxSeries is below one or
// Expiration is negative: both come from validated configuration.
func New(options Options) *Store {
	if options.Expiration < 0 {
		panic("expo: expiration must not be negative")
	}
	return &Store{
		options: options,
		claims:  map[string]*family{},
		series:  boundedmap.New[string, *series](options.MaxSeries, 0),
	}
}

// Open returns a handle on the series of a family with the given labels, which
// need no order and stay the caller's. A series that nothing was written to is
// not exposed.
//
// Labels with an empty value are left out, because to Prometheus they are the
// same as none. Values of labels of one name are joined with a semicolon. A
// reserved name (__name__, le of a histogram, quantile of a summary) gets the
// prefix exported_, as Prometheus does where a scraped label is in its way.
// Of two helps for one family the first stays.
//
// It fails with ErrName, ErrConflict or ErrFull.
func (s *Store) Open(now time.Time, f Family, labels []Label) (*Handle, error) {
	f.Name = cleanName(f.Name)
	if f.Name == "" {
		return nil, ErrName
	}
	labels, renamed := normalize(labels, f.Type)
	body := string(appendLabels(nil, labels))
	key := string(appendHead(nil, f.Name, body, "", 0))
	if body != "" {
		body = key[len(key)-1-len(body) : len(key)-1] // one string in memory, not two
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conflicts(f) {
		return nil, ErrConflict
	}
	if s.series.Len() >= s.options.MaxSeries {
		s.sweep(now)
	}
	ser, ok := s.series.GetOrCreate(now, key, func() *series {
		s.stats.RenamedLabels += uint64(renamed)
		ser := &series{key: key, body: body, seen: now}
		if s.options.KeepLabels {
			ser.labels = labels
		}
		s.familyOf(f).add(ser)
		return ser
	})
	if !ok {
		return nil, ErrFull
	}
	return &Handle{series: ser}, nil
}

// Set replaces the sample of a series and keeps no reference to it. It fails
// with ErrGone or ErrSample. It reports a collision when this source and another
// keep overwriting each other; a source that takes over from one that has fallen
// silent is none.
func (s *Store) Set(now time.Time, h *Handle, sample Sample) (collided bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ser := h.series
	if ser.gone {
		return false, ErrGone
	}
	if !sample.Fits(ser.family.kind) {
		return false, ErrSample
	}
	ser.seen = now
	s.series.GetOrCreate(now, ser.key, nil)
	if ser.writer != h {
		if ser.writer != nil {
			ser.writer.overwritten = true
			collided = h.overwritten
		}
		ser.writer, h.overwritten = h, false
	}
	if collided {
		s.stats.Collisions++
	}
	ser.set(sample, s.options.Timestamps)
	return collided, nil
}

// Remove takes the series away at once, whoever else writes to it.
func (s *Store) Remove(h *Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !h.series.gone {
		s.remove(h.series)
	}
}

// Sweep removes the series that have expired by now and returns their number.
func (s *Store) Sweep(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sweep(now)
}

// Stats returns the current numbers.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Series, stats.Families, stats.Refused = s.series.Len(), s.families, s.series.Refused()
	return stats
}

func (s *Store) sweep(now time.Time) int {
	n := 0
	if s.options.Expiration == 0 {
		return n
	}
	for _, ser := range s.series.All() {
		if now.Sub(ser.seen) < s.options.Expiration {
			break
		}
		s.remove(ser)
		n++
	}
	s.stats.Expired += uint64(n)
	return n
}

func (s *Store) remove(ser *series) {
	s.series.Delete(ser.key)
	if ser.family.remove(ser) {
		for _, name := range ser.family.names {
			delete(s.claims, name)
		}
		s.families--
		s.order = nil
	}
}

func (s *Store) conflicts(f Family) bool {
	if have := s.claims[f.Name]; have != nil {
		return have.name != f.Name || have.kind != f.Type
	}
	for _, suffix := range f.Type.suffixes() {
		if s.claims[f.Name+suffix] != nil {
			return true
		}
	}
	return false
}

func (s *Store) familyOf(f Family) *family {
	if have := s.claims[f.Name]; have != nil {
		return have
	}
	made := newFamily(f)
	for _, name := range made.names {
		s.claims[name] = made
	}
	s.families++
	s.order = nil
	return made
}
