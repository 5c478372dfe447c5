// Package boundedmap provides the map for everything that incoming data
// names: series, traces, process groups, agents. Such a map must not grow with
// what strangers send, so it has a capacity, forgets what has been idle too
// long, and counts what it turned away.
//
// The map takes the time from its caller and starts no goroutine: the caller
// decides when to expire, and tests run on virtual time.
package boundedmap

import (
	"iter"
	"time"
)

// Map holds at most a fixed number of entries. A newcomer never pushes out an
// entry that is in use: when the map is full, newcomers are refused and counted
// until something idles out, so what is already known stays exact.
//
// Get, GetOrCreate and Delete take constant time. A Map is not safe for
// concurrent use.
type Map[K comparable, V any] struct {
	capacity int
	ttl      time.Duration
	entries  map[K]*entry[K, V]
	// oldest and newest end a list in order of last use.
	oldest, newest *entry[K, V]
	refused        uint64
	expired        uint64
}

type entry[K comparable, V any] struct {
	key          K
	value        V
	seen         time.Time
	older, newer *entry[K, V]
}

// New returns an empty map of at most capacity entries that forgets an entry
// ttl after its last use. A ttl of zero keeps entries until they are deleted.
// It panics when capacity is below one or ttl is negative: both come from
// validated configuration.
func New[K comparable, V any](capacity int, ttl time.Duration) *Map[K, V] {
	if capacity < 1 || ttl < 0 {
		panic("boundedmap: capacity must be at least 1 and ttl must not be negative")
	}
	return &Map[K, V]{capacity: capacity, ttl: ttl, entries: make(map[K]*entry[K, V])}
}

// Get returns the value at key without counting as a use of it.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if e, ok := m.entries[key]; ok {
		return e.value, true
	}
	var none V
	return none, false
}

// GetOrCreate returns the value at key, made by create when the key is new, and
// marks it as used at now. It returns false, and counts a refusal, when the key
// is new and the map is full of entries younger than the ttl. A time that runs
// backwards does no harm beyond a later expiry.
func (m *Map[K, V]) GetOrCreate(now time.Time, key K, create func() V) (V, bool) {
	if e, ok := m.entries[key]; ok {
		m.touch(e, now)
		return e.value, true
	}
	if len(m.entries) >= m.capacity && !m.expireOldest(now) {
		m.refused++
		var none V
		return none, false
	}
	e := &entry[K, V]{key: key, value: create(), seen: now}
	m.entries[key] = e
	m.append(e)
	return e.value, true
}

// Delete forgets key. It reports whether the key was there.
func (m *Map[K, V]) Delete(key K) bool {
	e, ok := m.entries[key]
	if ok {
		m.remove(e)
	}
	return ok
}

// Expire forgets every entry whose last use is at least the ttl before now and
// returns how many there were.
func (m *Map[K, V]) Expire(now time.Time) int {
	n := 0
	for m.expireOldest(now) {
		n++
	}
	return n
}

// Len returns the number of entries, expired ones that nothing has swept yet
// included.
func (m *Map[K, V]) Len() int { return len(m.entries) }

// Refused returns how often a new key was turned away since the map was made.
func (m *Map[K, V]) Refused() uint64 { return m.refused }

// Expired returns how many entries idled out since the map was made.
func (m *Map[K, V]) Expired() uint64 { return m.expired }

// All yields the entries from the least to the most recently used. The entry
// being yielded may be deleted; the map must not be changed otherwise.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for e := m.oldest; e != nil; {
			next := e.newer
			if !yield(e.key, e.value) {
				return
			}
			e = next
		}
	}
}

func (m *Map[K, V]) expireOldest(now time.Time) bool {
	if m.ttl == 0 || m.oldest == nil || now.Sub(m.oldest.seen) < m.ttl {
		return false
	}
	m.remove(m.oldest)
	m.expired++
	return true
}

func (m *Map[K, V]) touch(e *entry[K, V], now time.Time) {
	e.seen = now
	if m.newest == e {
		return
	}
	m.unlink(e)
	m.append(e)
}

func (m *Map[K, V]) remove(e *entry[K, V]) {
	m.unlink(e)
	delete(m.entries, e.key)
}

func (m *Map[K, V]) append(e *entry[K, V]) {
	e.older, e.newer = m.newest, nil
	if m.newest == nil {
		m.oldest = e
	} else {
		m.newest.newer = e
	}
	m.newest = e
}

func (m *Map[K, V]) unlink(e *entry[K, V]) {
	if e.older == nil {
		m.oldest = e.newer
	} else {
		e.older.newer = e.newer
	}
	if e.newer == nil {
		m.newest = e.older
	} else {
		e.newer.older = e.older
	}
}
