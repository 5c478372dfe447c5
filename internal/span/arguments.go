package span

import (
	"math"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// maxArguments is the longest text that is hashed as JSON, in bytes; a longer one
// is hashed as it is.
const maxArguments = 1 << 16

// ArgumentsHash is the key under which a collector that removes the arguments of a
// tool call leaves Meaning.Arguments, in 16 hexadecimal digits, for the next one:
// calls can be compared by it.
const ArgumentsHash = "watchkeeper.tool.arguments_hash"

// hashArguments is the hash of what a tool was called with, never 0. JSON that
// differs in white space, in the order of keys, in the writing of a number or in
// the escapes of a string has one hash; what is no JSON is hashed as it is. It is
// the same in every process.
func hashArguments(v Value) uint64 {
	h := uint64(0)
	switch v.kind {
	case StringValue, JSONValue:
		text := strings.TrimSpace(v.text)
		h = hashText(text)
	default:
		h = mix(uint64(v.kind), v.num)
	}
	if h == 0 {
		h = 1
	}
	return h
}

func hashText(text string) uint64 {
	if len(text) <= maxArguments {
		if h, end := hashJSON(text, 0, 0); end == len(text) {
			return h
		}
	}
	return xxhash.Sum64String(text)
}

// Seeds keep values of different kinds apart.
const (
	seedMap    = 0x9e3779b97f4a7c15
	seedList   = 0xc2b2ae3d27d4eb4f
	seedNumber = 0x165667b19e3779f9
	seedWord   = 0x27d4eb2f165667c5
	seedString = 0x85ebca77c2b2ae63
)

// mix makes one hash of two, by order. It is the finaliser of SplitMix64 over a
// linear combination.
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hashJSON hashes the value that begins at i, and returns the index after it and
// the white space behind, or -1 if it is no JSON or nested too deep.
func hashJSON(text string, i, depth int) (uint64, int) {
	i = space(text, i)
	if i >= len(text) || depth > maxDepth {
		return 0, -1
	}
	switch text[i] {
	case '{':
		return hashMap(text, i, depth)
	case '[':
		return hashList(text, i, depth)
	case '"':
		h, end := hashString(text, i)
		if end < 0 {
			return 0, -1
		}
		return h, space(text, end)
	}
	end := scalarEnd(text, i)
	if end < 0 {
		return 0, -1
	}
	h, ok := hashScalar(text[i:end])
	if !ok {
		return 0, -1
	}
	return h, space(text, end)
}

// hashMap adds up the hashes of the members: sums do not know order.
func hashMap(text string, i, depth int) (uint64, int) {
	h := uint64(seedMap)
	for i = space(text, i+1); i < len(text) && text[i] != '}'; {
		if text[i] != '"' {
			return 0, -1
		}
		key, end := hashString(text, i)
		if end < 0 {
			return 0, -1
		}
		end = space(text, end)
		if end >= len(text) || text[end] != ':' {
			return 0, -1
		}
		value, end := hashJSON(text, end+1, depth+1)
		if end < 0 {
			return 0, -1
		}
		h += mix(key, value)
		if i = nextElement(text, end, '}'); i < 0 {
			return 0, -1
		}
	}
	if i >= len(text) {
		return 0, -1
	}
	return mix(seedMap, h), space(text, i+1)
}

func hashList(text string, i, depth int) (uint64, int) {
	h := uint64(seedList)
	for i = space(text, i+1); i < len(text) && text[i] != ']'; {
		value, end := hashJSON(text, i, depth+1)
		if end < 0 {
			return 0, -1
		}
		h = mix(h, value)
		if i = nextElement(text, end, ']'); i < 0 {
			return 0, -1
		}
	}
	if i >= len(text) {
		return 0, -1
	}
	return h, space(text, i+1)
}

// nextElement returns where the next element of a list or map begins, or where the
// closing bracket stands, or -1.
func nextElement(text string, i int, closer byte) int {
	if i >= len(text) {
		return -1
	}
	if text[i] == closer {
		return i
	}
	if text[i] != ',' {
		return -1
	}
	i = space(text, i+1)
	if i >= len(text) || text[i] == closer {
		return -1
	}
	return i
}

// hashString hashes what the string says. One with escapes is read by the standard
// library, which costs a copy.
func hashString(text string, i int) (uint64, int) {
	end := stringEnd(text, i)
	if end < 0 {
		return 0, -1
	}
	raw := text[i+1 : end-1]
	if strings.IndexByte(raw, '\\') >= 0 {
		said, ok := unescape(raw)
		if !ok {
			return 0, -1
		}
		raw = said
	}
	return mix(seedString, xxhash.Sum64String(raw)), end
}

// hashScalar hashes a number by its value and a word by its letters. Whole numbers
// that a float64 cannot hold exactly are told apart by their digits.
func hashScalar(text string) (uint64, bool) {
	switch text {
	case "true", "false", "null":
		return mix(seedWord, xxhash.Sum64String(text)), true
	}
	if c := text[len(text)-1]; c < '0' || c > '9' {
		return 0, false
	}
	if c := text[0]; c != '-' && (c < '0' || c > '9') {
		return 0, false
	}
	if n, ok := parseInt(text); ok && (n > 1<<53 || n < -1<<53) {
		return mix(seedNumber, uint64(n)), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, false
	}
	if f == 0 {
		f = 0 // -0 too
	}
	return mix(seedNumber, math.Float64bits(f)), true
}
