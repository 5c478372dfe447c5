package expo

import (
	"runtime"
	"sync"
	"unsafe"
)

// room is memory for the text of a page. A large one is not of Go's heap: text
// has no pointers, and on the heap each byte of it would let the collector wait
// for another byte of garbage. It is given back when nobody has the room any more.
type room struct{ text []byte }

// largeRoom is the size in bytes from which whole pages of the system waste little.
const largeRoom = 16 << 10

func newRoom(size int, heap bool) *room {
	if size >= largeRoom && !heap {
		if mapped := reserve(size); mapped != nil {
			r := &room{mapped[:0]}
			runtime.AddCleanup(r, unreserve, mapped)
			return r
		}
	}
	// What the allocator rounds up to anyway, some changes of length fit into.
	return &room{append([]byte(nil), make([]byte, size)...)[:0]}
}

// add copies a text to what is there, for which there must be place.
func (r *room) add(text string) string {
	begin := len(r.text)
	r.text = append(r.text, text...)
	return asString(r.text[begin:])
}

// rooms are used again. A scrape of changed pages writes each of them into the
// room that one before it has left, so that it makes next to no garbage, and no
// collection that walks everything.
type rooms struct {
	// heap keeps all of them on the heap: for a store that lives for one scrape.
	heap bool

	// opening is where the lines of new series are, until they are written with
	// their pages. The store's lock guards it.
	opening *room

	mu   sync.Mutex
	free [maxRooms]*room
	// next is which goes when all places are taken.
	next int
}

// maxRooms bounds the memory that lies ready for texts to come, in pages: for the
// lengths of some families, and for scrapes side by side.
const maxRooms = 8

// get returns an empty room for a text of so many bytes. It has little more than
// that, because the text is kept.
func (r *rooms) get(size int) *room {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, have := range r.free {
		if have != nil && cap(have.text) >= size && cap(have.text)-size <= size/16+4096 {
			r.free[i] = nil
			have.text = have.text[:0]
			return have
		}
	}
	return newRoom(size, r.heap)
}

// openingSize is the size in bytes of the rooms for lines of new series.
const openingSize = 64 << 10

// keep copies the line of a new series and says where it is. The store's lock is
// held.
func (r *rooms) keep(line []byte) (string, *room) {
	if r.opening == nil || len(line) > cap(r.opening.text)-len(r.opening.text) {
		r.opening = newRoom(max(openingSize, len(line)), r.heap)
	}
	return r.opening.add(asString(line)), r.opening
}

// put takes a room that nobody reads any more.
func (r *rooms) put(left *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.free {
		if r.free[i] == nil {
			r.free[i] = left
			return
		}
	}
	r.free[r.next] = left
	r.next = (r.next + 1) % maxRooms
}

// asString is the text in a room, without a copy. For as long as the
// room is held nobody writes to it, and it is there.
func asString(room []byte) string {
	return unsafe.String(unsafe.SliceData(room), len(room)) //nolint:gosec // see above
}

// asBytes is the reverse, for those who only read.
func asBytes(text string) []byte {
	return unsafe.Slice(unsafe.StringData(text), len(text)) //nolint:gosec // only read
}

// scratches are buffers for what is copied from them at once.
type scratches struct{ pool sync.Pool }

func (s *scratches) get() *[]byte {
	if have, ok := s.pool.Get().(*[]byte); ok {
		return have
	}
	return new([]byte)
}

func (s *scratches) put(b *[]byte) { s.pool.Put(b) }
