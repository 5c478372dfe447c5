package expo

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of Store.Open and Store.Set. Each means that nothing was written.
var (
	// ErrFull: the series is new and the store holds MaxSeries younger ones.
	ErrFull = errors.New("too many series")
	// ErrConflict: another family, or the same with another type, already writes
	// lines of this name.
	ErrConflict = errors.New("name is taken by another metric or type")
	// ErrName: a family without a name, or with one longer than 16 KiB.
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
	// CreatedLines adds _created lines to OpenMetrics. Protocol buffers always
	// have the time in which counting began.
	CreatedLines bool
	// MaxLabelValue is the most bytes of a label's value; longer ones are cut, with
	// a hash of the whole at the end, so that they stay different. Zero is no limit.
	MaxLabelValue int
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
	// CutLabels counts labels of opened series whose values were too long.
	CutLabels uint64
	// HelpConflicts and UnitConflicts count opened series of a family that was
	// described otherwise before.
	HelpConflicts, UnitConflicts uint64
}

// Store holds the latest sample of each series. It is safe for concurrent use.
// It reads no clock: callers pass the time, which decides about expiry only.
type Store struct {
	options Options
	// index is what scrapes walk, and stale whether families have come or gone
	// since it was made.
	index atomic.Pointer[[]entry]
	stale atomic.Bool
	// expiry is the earliest time, in nanoseconds since 1970, at which a series may
	// have expired.
	expiry atomic.Int64

	buffers buffers
	scratch scratches
	rooms   rooms

	mu sync.Mutex
	// claims maps each line name to the family that writes it: a histogram claims
	// its _bucket, _sum and _count lines too.
	claims map[string]*family
	series int
	// pressed is the earliest time at which a full store may find a series whose
	// source lives but that has not been written to for too long.
	pressed  int64
	families int
	stats    Stats
}

// maxName bounds the names of families, in bytes.
const maxName = 16 << 10

// entry is a family in the index.
type entry struct {
	*family
	// open is its header in OpenMetrics.
	open *header
}

// Origin is where series come from, for those that live as long as it does. Its
// zero value has never been seen.
type Origin struct{ seen int64 }

// Handle is one source's way to write to a series. Sources that describe the
// same series have a handle each; the last to write wins. Its zero value is
// ready for Open, and must not be copied after.
type Handle struct {
	series *series
	// time of the last sample.
	time int64
	// overwritten says that another source has written since this one did.
	overwritten bool
}

// Time returns the time of the last sample that was set, in nanoseconds since
// 1970. Only the goroutine that calls Set may call it.
func (h *Handle) Time() int64 { return h.time }

// New returns an empty store. It panics when MaxSeries is below one or
// Expiration is negative: both come from validated configuration.
func New(options Options) *Store {
	if options.MaxSeries < 1 || options.Expiration < 0 {
		panic("expo: max series must be at least 1 and expiration must not be negative")
	}
	s := &Store{options: options, claims: map[string]*family{}}
	s.index.Store(&[]entry{})
	s.expiry.Store(math.MaxInt64)
	return s
}

// Description says which series Open shall open.
type Description struct {
	Family Family
	// Labels need no order and stay the caller's.
	Labels []Label
	// Origin, unless nil, keeps the series for as long as Touch is called for it,
	// written to or not, or until a full store needs the room.
	Origin *Origin
	// Overflow opens a series beyond MaxSeries, if its family is there already.
	Overflow bool
}

// Opened is what Open has to remark.
type Opened struct {
	// HelpDiffers and UnitDiffers: the family was described otherwise before.
	// Of two the first stays.
	HelpDiffers, UnitDiffers bool
}

// Open makes h a handle on a series. A series that nothing was written to is not
// exposed.
//
// Labels with an empty value are left out, because to Prometheus they are the
// same as none. Values of labels of one name are joined with a semicolon. A
// reserved name (__name__, le of a histogram, quantile of a summary) gets the
// prefix exported_, as Prometheus does where a scraped label is in its way.
//
// It fails with ErrName, ErrConflict or ErrFull.
func (s *Store) Open(now time.Time, h *Handle, d Description) (Opened, error) {
	d.Family = d.Family.clean()
	if d.Family.Name == "" || len(d.Family.Name) > maxName {
		return Opened{}, ErrName
	}
	labels, did := normalize(d.Labels, d.Family.Type, s.options.MaxLabelValue)
	body := string(appendLabels(nil, labels))

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conflicts(&d.Family) {
		return Opened{}, ErrConflict
	}
	f := s.claims[d.Family.Name]
	var opened Opened
	if f != nil {
		opened.HelpDiffers = f.Help != d.Family.Help
		opened.UnitDiffers = f.Unit != d.Family.Unit
		if ser := f.lookup(body); ser != nil {
			h.series, h.overwritten = ser, false
			return opened, nil
		}
	}
	if s.series >= s.options.MaxSeries && (!d.Overflow || f == nil) && !s.makeRoom(now) {
		s.stats.Refused++
		return opened, ErrFull
	}
	f = s.familyOf(d.Family) // which may have gone to make room
	ser, in := newSeries(f, body, &s.rooms)
	ser.seen, ser.origin = now.UnixNano(), d.Origin
	f.insert(ser, in)
	f.live++
	s.series++
	s.expireAt(ser.seen)
	h.series, h.overwritten = ser, false
	s.stats.RenamedLabels += uint64(did.renamed)
	s.stats.CutLabels += uint64(did.cut)
	if opened.HelpDiffers {
		s.stats.HelpConflicts++
	}
	if opened.UnitDiffers {
		s.stats.UnitConflicts++
	}
	return opened, nil
}

func (f *family) lookup(body string) *series {
	if i := f.find(body); i >= 0 {
		return (*f.pages.Load())[i].lookup(body)
	}
	return nil
}

// Set replaces the sample of a series and keeps no reference to it. It fails
// with ErrGone or ErrSample. It reports a collision when this source and another
// keep overwriting each other; a source that takes over from one that has fallen
// silent is none.
func (s *Store) Set(now time.Time, h *Handle, sample *Sample) (collided bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ser := h.series
	if ser == nil || ser.gone() {
		return false, ErrGone
	}
	p := ser.page
	if !sample.Fits(p.family.Type) {
		return false, ErrSample
	}
	ser.seen = now.UnixNano()
	changed := ser.differs(h, sample, s.options.Timestamps)
	if changed || ser.writer != h || s.options.Timestamps {
		p.mu.Lock()
		defer p.mu.Unlock()
	}
	if ser.writer != h {
		if ser.writer != nil {
			ser.writer.overwritten = true
			if collided = h.overwritten; collided {
				s.stats.Collisions++
			}
		}
		ser.writer, h.overwritten = h, false
	}
	h.time = sample.Time
	if changed {
		ser.set(sample)
		ser.written, ser.old = true, true
		p.version.Add(1)
	}
	return collided, nil
}

// Touch tells that an origin has been heard from.
func (s *Store) Touch(now time.Time, o *Origin) {
	s.mu.Lock()
	o.seen = now.UnixNano()
	s.mu.Unlock()
}

// Idle returns how long before now the series was last written to by anyone, and
// whether it is still there.
func (s *Store) Idle(now time.Time, h *Handle) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.series == nil || h.series.gone() {
		return 0, false
	}
	return time.Duration(now.UnixNano() - h.series.seen), true
}

// Remove takes the series away at once, whoever else writes to it.
func (s *Store) Remove(h *Handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ser := h.series
	if ser == nil || ser.gone() {
		return
	}
	p := ser.page
	p.drop(func(other *series) bool { return other == ser }) // after which it has no page
	s.series--
	p.family.live--
	if len(p.series) == 0 {
		s.empty(p.family)
	}
}

// Stats returns the current numbers.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Series, stats.Families = s.series, s.families
	return stats
}

// Publish lets scrapes see families that are new. It costs little where there
// are none; callers do it after each batch. Write does it too, where it need not
// wait for that.
func (s *Store) Publish() {
	if s.stale.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.publish()
	}
}

func (s *Store) publish() {
	s.stale.Store(false)
	entries := make([]entry, 0, s.families)
	for name, f := range s.claims {
		if name != f.Name {
			continue
		}
		e := entry{f, f.open}
		// Without _total the family may have another one's name.
		if f.openStripped != nil && s.claims[strings.TrimSuffix(name, total)] == nil {
			e.open = f.openStripped
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	s.index.Store(&entries)
}

func (s *Store) conflicts(f *Family) bool {
	if have := s.claims[f.Name]; have != nil {
		return have.Name != f.Name || have.Type != f.Type
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
	for i := range made.lines {
		s.claims[made.lines[i].name] = made
	}
	s.families++
	s.stale.Store(true)
	return made
}

// empty takes away a family's pages that have no series, and the family if there
// are none.
func (s *Store) empty(f *family) {
	pages := slices.DeleteFunc(slices.Clone(*f.pages.Load()), func(p *page) bool { return len(p.series) == 0 })
	f.pages.Store(&pages)
	if len(pages) > 0 {
		return
	}
	for i := range f.lines {
		delete(s.claims, f.lines[i].name)
	}
	s.families--
	s.stale.Store(true)
}
