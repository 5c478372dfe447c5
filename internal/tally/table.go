package tally

import (
	"cmp"
	"hash/maphash"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// table holds the points of one metric by their labels. Points stand in chunks that
// never move, each once and without a map's spare room, and one that is known is
// found and marked as used with no allocation and a single write. It keeps the rules
// of boundedmap.Map, which links its entries into a list and took twice the memory a
// series: a metric may have thousands.
type table[P any] struct {
	limit int
	ttl   int64 // nanoseconds, 0 for ever

	seed   maphash.Seed
	index  []uint32 // open addressing by hash: the number of the slot plus 1
	chunks [][]slot[P]
	made   int      // slots that were ever used
	free   []uint32 // of these, those that are not used now
	last   uint32   // the newest slot
	// oldest is a time before which no point was used last.
	oldest  int64
	refused uint64
}

// slot is the place of a point.
type slot[P any] struct {
	labels Labels
	seen   int64 // nanoseconds since the Unix epoch, or empty
	hash   uint32
	point  P
}

const (
	chunkSize = 64
	empty     = math.MinInt64
)

func newTable[P any](l Limits) *table[P] {
	if l.Points < 1 || l.Points > math.MaxInt32/2 || l.TTL < 0 {
		panic("tally: the limits must be at least 1 point and no negative time to live")
	}
	return &table[P]{limit: l.Points, ttl: int64(l.TTL), seed: maphash.MakeSeed(), index: make([]uint32, 16), oldest: math.MaxInt64}
}

func (t *table[P]) at(n uint32) *slot[P] { return &t.chunks[n/chunkSize][n%chunkSize] }

func (t *table[P]) len() int { return t.made - len(t.free) }

// get returns the number of the point of these labels and marks it as used. It is
// fresh when it was made now, with a zero point. It returns false, and counts a
// refusal, when the labels are new and there is no room.
func (t *table[P]) get(now int64, labels *Labels) (n uint32, fresh, ok bool) {
	hash := t.hash(labels)
	if n, ok = t.find(hash, labels); ok {
		t.at(n).seen = now
		return n, false, true
	}
	if fitted, changed := labels.fitted(); changed {
		return t.get(now, &fitted)
	}
	if t.len() >= t.limit && !(t.ttl > 0 && now-t.oldest >= t.ttl && t.expire(now) > 0) {
		t.refused++
		return 0, false, false
	}
	return t.add(now, hash, labels), true, true
}

func (t *table[P]) hash(labels *Labels) uint32 {
	var h uint64
	for _, v := range labels {
		if v != "" {
			h ^= maphash.String(t.seed, v)
		}
		h *= 0x9e3779b97f4a7c15
	}
	return uint32(h >> 32)
}

func (t *table[P]) find(hash uint32, labels *Labels) (uint32, bool) {
	mask := uint32(len(t.index) - 1)
	for i := hash & mask; t.index[i] != 0; i = (i + 1) & mask {
		n := t.index[i] - 1
		if s := t.at(n); s.hash == hash && s.labels == *labels {
			return n, true
		}
	}
	return 0, false
}

func (t *table[P]) add(now int64, hash uint32, labels *Labels) uint32 {
	var n uint32
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
	} else {
		if t.made%chunkSize == 0 {
			t.chunks = append(t.chunks, make([]slot[P], min(chunkSize, t.limit-t.made)))
		}
		n = uint32(t.made)
		t.made++
	}
	s := t.at(n)
	*s = slot[P]{labels: t.own(labels), seen: now, hash: hash}
	t.last = n
	t.oldest = min(t.oldest, now)
	if 4*t.len() > 3*len(t.index) {
		t.rehash(2 * len(t.index))
	} else {
		t.place(n, hash)
	}
	return n
}

// own copies the labels, so that a point keeps nothing else alive. Many labels
// have few values: those of the newest point are used again.
func (t *table[P]) own(labels *Labels) (copied Labels) {
	before := &t.at(t.last).labels
	for i, v := range labels {
		switch v {
		case "":
		case before[i]:
			copied[i] = before[i]
		default:
			copied[i] = strings.Clone(v)
		}
	}
	return copied
}

func (t *table[P]) place(n, hash uint32) {
	mask := uint32(len(t.index) - 1)
	i := hash & mask
	for t.index[i] != 0 {
		i = (i + 1) & mask
	}
	t.index[i] = n + 1
}

func (t *table[P]) rehash(size int) {
	t.index = make([]uint32, size)
	for n := range uint32(t.made) {
		if s := t.at(n); s.seen != empty {
			t.place(n, s.hash)
		}
	}
}

// expire forgets every point that was last used at least the time to live before
// now, and returns how many there were.
func (t *table[P]) expire(now int64) (expired int) {
	if t.ttl == 0 || now-t.oldest < t.ttl {
		return 0
	}
	t.oldest = math.MaxInt64
	for n := range uint32(t.made) {
		switch s := t.at(n); {
		case s.seen == empty:
		case now-s.seen >= t.ttl:
			*s = slot[P]{seen: empty}
			t.free = append(t.free, n)
			expired++
		default:
			t.oldest = min(t.oldest, s.seen)
		}
	}
	if expired > 0 {
		t.rehash(len(t.index))
	}
	return expired
}

// all yields the points by their last use, the oldest first.
func (t *table[P]) all() iter.Seq2[uint32, *slot[P]] {
	return func(yield func(uint32, *slot[P]) bool) {
		order := make([]uint32, 0, t.len())
		for n := range uint32(t.made) {
			if t.at(n).seen != empty {
				order = append(order, n)
			}
		}
		slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(t.at(a).seen, t.at(b).seen) })
		for _, n := range order {
			if !yield(n, t.at(n)) {
				return
			}
		}
	}
}

// fitted makes labels that any consumer can take: valid UTF-8 of bounded length.
func (l *Labels) fitted() (fitted Labels, changed bool) {
	fitted = *l
	for i, v := range l {
		if len(v) <= MaxLabelBytes && utf8.ValidString(v) {
			continue
		}
		// What takes the place of faulty bytes is longer than they are.
		fitted[i] = cut(strings.ToValidUTF8(cut(v), "\uFFFD"))
		changed = changed || fitted[i] != l[i]
	}
	return fitted, changed
}

// cut returns what fits of a text, without a part of a character at its end.
func cut(v string) string {
	if len(v) <= MaxLabelBytes {
		return v
	}
	end := MaxLabelBytes
	for end > MaxLabelBytes-utf8.UTFMax && !utf8.RuneStart(v[end]) {
		end--
	}
	return v[:end]
}

// moment is the time of so many nanoseconds since the Unix epoch.
func moment(nanos int64) time.Time { return time.Unix(0, nanos) }
