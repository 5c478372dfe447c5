package span

// keyTable finds the place of a key. Spans have ten keys and more, of which most
// are unknown: the table tells those apart by their length and last bytes, in less
// time than a map takes, and compares no more than a few keys.
type keyTable struct {
	entries []keyEntry // open addressing by hashKey; an empty key is none
}

type keyEntry struct {
	key   string
	place place
}

func newKeyTable(places map[string]place) *keyTable {
	size := 1
	for size < 8*len(places) {
		size *= 2
	}
	t := &keyTable{entries: make([]keyEntry, size)}
	for key, p := range places {
		i := hashKey(key) & uint32(size-1)
		for t.entries[i].key != "" {
			i = (i + 1) & uint32(size-1)
		}
		t.entries[i] = keyEntry{key, p}
	}
	return t
}

// find returns the place of a key, or nil.
func (t *keyTable) find(key string) *place {
	mask := uint32(len(t.entries) - 1)
	for i := hashKey(key) & mask; ; i = (i + 1) & mask {
		e := &t.entries[i]
		if e.key == key && key != "" {
			return &e.place
		}
		if e.key == "" {
			return nil
		}
	}
}

// hashKey mixes the length and the last eight bytes, in which the names of
// attributes differ most.
func hashKey(key string) uint32 {
	n := len(key)
	var tail uint64
	if n >= 8 {
		tail = uint64(key[n-1]) | uint64(key[n-2])<<8 | uint64(key[n-3])<<16 | uint64(key[n-4])<<24 |
			uint64(key[n-5])<<32 | uint64(key[n-6])<<40 | uint64(key[n-7])<<48 | uint64(key[n-8])<<56
	} else {
		for i := range n {
			tail = tail<<8 | uint64(key[i])
		}
	}
	return uint32((tail ^ uint64(n)<<59) * 0x9e3779b97f4a7c15 >> 40)
}
