package span

import "strings"

// Some dialects put what is worth knowing into JSON texts. These are read in
// place: no tree is built, no text is copied, and whoever sends them decides
// neither over depth nor over time.
const (
	// maxDepth is how deep lists and maps may be nested.
	maxDepth = 64
	// maxText is the longest text that is looked into, in bytes. Genkit puts the whole
	// answer of a model there.
	maxText = 1 << 20
)

// member returns the JSON text of a member of the map that the text is, and false
// if the text is no map, is broken before the member, or has no such member.
func member(text, name string) (string, bool) {
	if len(text) > maxText {
		return "", false
	}
	i := space(text, 0)
	if i >= len(text) || text[i] != '{' {
		return "", false
	}
	i = space(text, i+1)
	for i < len(text) && text[i] == '"' {
		end := stringEnd(text, i)
		if end < 0 {
			return "", false
		}
		key := text[i+1 : end-1]
		i = space(text, end)
		if i >= len(text) || text[i] != ':' {
			return "", false
		}
		start := space(text, i+1)
		end = valueEnd(text, start, 1)
		if end < 0 {
			return "", false
		}
		if key == name {
			return text[start:end], true
		}
		i = space(text, end)
		if i >= len(text) || text[i] != ',' {
			return "", false
		}
		i = space(text, i+1)
	}
	return "", false
}

// textMember returns a member that is a string without escapes, such as a name or
// an id.
func textMember(text, name string) string {
	v, ok := member(text, name)
	if !ok || len(v) < 2 || v[0] != '"' || strings.IndexByte(v, '\\') >= 0 {
		return ""
	}
	return v[1 : len(v)-1]
}

// countMember returns a member that is a whole number that can be counted with.
func countMember(text, name string) (int64, bool) {
	v, ok := member(text, name)
	if !ok {
		return 0, false
	}
	n, ok := parseInt(v)
	if !ok || n < 0 || n > maxCount {
		return 0, false
	}
	return n, true
}

// space returns the index of the first byte from i on that is no white space.
func space(text string, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// stringEnd returns the index after the string that begins at i, or -1.
func stringEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// scalarEnd returns the index after the number or word that begins at i, or -1.
func scalarEnd(text string, i int) int {
	start := i
	for i < len(text) {
		c := text[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '+' && c != '.' {
			break
		}
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// valueEnd returns the index after the value that begins at i, or -1. It is a
// filter, not a judge: brackets must match, commas may be missing.
func valueEnd(text string, i, depth int) int {
	if i >= len(text) {
		return -1
	}
	switch text[i] {
	case '"':
		return stringEnd(text, i)
	case '{', '[':
	default:
		return scalarEnd(text, i)
	}
	var room [maxDepth]byte
	closers := room[:0]
	for ; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			end := stringEnd(text, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			if len(closers)+depth >= maxDepth {
				return -1
			}
			closers = append(closers, c+2) // } and ] stand two after their openers
		case '}', ']':
			last := len(closers) - 1
			if last < 0 || closers[last] != c {
				return -1
			}
			closers = closers[:last]
			if last == 0 {
				return i + 1
			}
		}
	}
	return -1
}
