package expo

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// The most series of a page. Small enough that writing one holds up an update
// for microseconds, large enough to compress well.
const (
	simplePage   = 256
	compoundPage = 32
)

// page holds neighbouring series of a family.
//
// The list of series, and of each series what a scrape writes, change only under
// both the store's lock and mu, and so may be read under either. The lines of
// series change under mu alone, and so their labels are read only under it.
type page struct {
	family *family
	// version counts the changes of what would be written.
	version atomic.Uint64
	// ready is what was last written, by syntax.
	ready [syntaxes]atomic.Pointer[rendering]

	mu     sync.Mutex
	series []*series
	// shape counts the changes of series.
	shape uint64
	// lent are rooms that lines of its series are in, until the page has a text of
	// its own.
	lent []*room
	// parts are what the page was split into; it is then dead, and only those
	// scrapes still come across it that began before.
	parts []*page

	// oldest is a lower bound of when one of the series was last seen. The store's
	// lock guards it.
	oldest int64
}

// rendering is the text of a page, or its metrics in protocol buffers. It is
// never changed while it is held.
type rendering struct {
	version uint64
	text    string
	kept    atomic.Pointer[segment]

	// holds counts those who read it, the page itself included for as long as this
	// is what is ready. With the last one room, which is the memory of text, goes
	// back to rooms; both are nil where text is a string like others.
	holds atomic.Int32
	room  *room
	rooms *rooms

	// shape is that of the page, and lines the number of its lines where each is a
	// series, 0 otherwise.
	shape uint64
	lines int
	// base is the segment of a rendering before, until there is one of this,
	// changed the lines that were written anew since, and ends where they end, which
	// is only there with a base.
	base    atomic.Pointer[segment]
	changed changes
	ends    []uint32
}

func (p *page) full() bool {
	if p.family.Type.simple() {
		return len(p.series) >= simplePage
	}
	return len(p.series) >= compoundPage
}

// insert puts a new series, whose line is in a room, in its place. The store's lock is held.
func (f *family) insert(ser *series, in *room) {
	body := ser.body()
	i := f.find(body)
	if i < 0 {
		p := &page{family: f, oldest: ser.seen}
		p.put(ser, body, in)
		f.replace(0, 0, p)
		return
	}
	pages := *f.pages.Load()
	p := pages[i]
	if p.full() {
		if i == len(pages)-1 && p.compare(len(p.series)-1, body) < 0 {
			// Series often come in order; then every page gets full.
			p = &page{family: f, oldest: ser.seen}
			p.put(ser, body, in)
			f.replace(i+1, 0, p)
			return
		}
		low, high := p.split()
		f.replace(i, 1, low, high)
		p = low
		if high.compare(0, body) < 0 {
			p = high
		}
	}
	p.put(ser, body, in)
}

// compare orders the labels of a series, given its place, and others.
func (p *page) compare(i int, body string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Compare(p.series[i].body(), body)
}

// search returns the place of labels in the page. Its lock is held.
func (p *page) search(body string) (int, bool) {
	return slices.BinarySearchFunc(p.series, body, func(have *series, body string) int {
		return strings.Compare(have.body(), body)
	})
}

// lookup returns the series with these labels, or nil.
func (p *page) lookup(body string) *series {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i, found := p.search(body); found {
		return p.series[i]
	}
	return nil
}

// put takes a series in, whose line is in a room.
func (p *page) put(ser *series, body string, in *room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, _ := p.search(body)
	p.series = slices.Insert(p.series, i, ser)
	p.borrow(in)
	p.shape++
	ser.page = p
	p.oldest = min(p.oldest, ser.seen)
}

// maxLent bounds how many rooms a page borrows lines from.
const maxLent = 16

// borrow notes that a line is in a room. When there are too many, lines get one of
// their own. The page's lock is held.
func (p *page) borrow(in *room) {
	if slices.Contains(p.lent, in) {
		return
	}
	if p.lent = append(p.lent, in); len(p.lent) <= maxLent {
		return
	}
	size := 0
	for _, ser := range p.series {
		size += len(ser.line)
	}
	own := newRoom(size, false)
	for _, ser := range p.series {
		ser.line = own.add(ser.line)
	}
	p.lent = []*room{own}
}

// split makes two pages of one. The store's lock is held.
func (p *page) split() (low, high *page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	middle := len(p.series) / 2
	low = &page{family: p.family, series: slices.Clone(p.series[:middle]), oldest: p.oldest}
	high = &page{family: p.family, series: slices.Clone(p.series[middle:]), oldest: p.oldest}
	lent := p.lent
	if r := p.ready[Text].Load(); r != nil {
		lent = append(lent, r.room) // which is not used again, since p never lets go of it
	}
	for _, half := range []*page{low, high} {
		half.version.Store(1)
		half.lent = slices.Clone(lent)
		for _, ser := range half.series {
			ser.page = half
		}
	}
	p.parts = []*page{low, high}
	return low, high
}

// drop takes series out of the page. The store's lock is held.
func (p *page) drop(gone func(*series) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := make([]*series, 0, len(p.series))
	for _, ser := range p.series {
		if gone(ser) {
			ser.page, ser.line = nil, "" // whose memory may go
		} else {
			kept = append(kept, ser)
		}
	}
	p.series = kept
	p.shape++
	p.version.Add(1)
}

// hold keeps the memory of a rendering until release. It fails where nobody
// holds it any more.
func (r *rendering) hold() bool {
	for {
		n := r.holds.Load()
		if n == 0 {
			return false
		}
		if r.holds.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (r *rendering) release() {
	if r.holds.Add(-1) == 0 && r.rooms != nil {
		r.rooms.put(r.room)
	}
}

// walk calls visit with what a scrape writes of the page: once, or once for each
// part if the page has been split meanwhile. Nothing of it may be kept after,
// unless it is in protocol buffers.
func (p *page) walk(s *Store, syntax Syntax, visit func(*rendering) error) error {
	if r := p.ready[syntax].Load(); r != nil && r.version == p.version.Load() && r.hold() {
		defer r.release()
		return visit(r)
	}
	r, parts := p.render(s, syntax)
	for _, part := range parts {
		if err := part.walk(s, syntax, visit); err != nil {
			return err
		}
	}
	if parts != nil {
		return nil
	}
	defer r.release()
	return visit(r)
}

// render returns what is ready, held, after making it so.
func (p *page) render(s *Store, syntax Syntax) (*rendering, []*page) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parts != nil {
		return nil, p.parts
	}
	version := p.version.Load()
	have := p.ready[syntax].Load()
	if have != nil && have.version == version {
		have.hold()      // as the page does, while it is locked
		return have, nil // another scrape was faster
	}
	r := &rendering{version: version}
	r.holds.Store(2)
	switch syntax {
	case Text:
		p.writeText(s, r, have)
	case OpenMetrics:
		r.text = p.writeOpen(s.options, have)
	case Protobuf:
		r.text = p.writeProtobuf(s.options.Timestamps, have)
	}
	p.ready[syntax].Store(r)
	if have != nil {
		have.release()
	}
	return r, nil
}
