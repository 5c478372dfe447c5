package workflow

import "strings"

// name stands for an interned string; 0 is the empty string.
type name uint32

// nameLimit is how many bytes of a string are kept: some emitters put whole
// messages where a name belongs.
const nameLimit = 200

// sweepAt is the smallest number of strings at which unused ones are swept.
const sweepAt = 4096

// names holds each string once, so that the records hold no pointers. A string is
// counted as often as records refer to it, and swept some time after the last one
// let go; the table is thus bounded by the records.
type names struct {
	byText map[string]name
	text   []string
	refs   []uint32
	free   []name
	limit  int
	recent [256]name // what was asked for lately, by a cheap hash
}

func newNames() names {
	return names{byText: make(map[string]name), text: []string{""}, refs: []uint32{0}, limit: sweepAt}
}

// hold returns the name of s and counts one use of it.
func (t *names) hold(s string) name {
	if s == "" {
		return 0
	}
	if len(s) > nameLimit {
		s = strings.ToValidUTF8(s[:nameLimit], "")
		if s == "" {
			return 0
		}
	}
	slot := &t.recent[(len(s)*31+int(s[0])*7+int(s[len(s)-1])*13+int(s[len(s)/2]))%len(t.recent)]
	if n := *slot; n != 0 && t.text[n] == s {
		t.refs[n]++
		return n
	}
	n, ok := t.byText[s]
	if !ok {
		if len(t.byText) >= t.limit {
			t.sweep()
		}
		n = t.add(strings.Clone(s))
	}
	t.refs[n]++
	*slot = n
	return n
}

// again counts one more use of n.
func (t *names) again(n name) name {
	if n != 0 {
		t.refs[n]++
	}
	return n
}

// drop takes back one use of n.
func (t *names) drop(n name) {
	if n != 0 {
		t.refs[n]--
	}
}

func (t *names) add(s string) name {
	if last := len(t.free) - 1; last >= 0 {
		n := t.free[last]
		t.free = t.free[:last]
		t.text[n], t.byText[s] = s, n
		return n
	}
	n := name(len(t.text))
	t.text = append(t.text, s)
	t.refs = append(t.refs, 0)
	t.byText[s] = n
	return n
}

// sweep forgets unused strings, and lets the table grow when most are in use.
func (t *names) sweep() {
	clear(t.recent[:])
	for n := 1; n < len(t.text); n++ {
		if t.refs[n] == 0 && t.text[n] != "" {
			delete(t.byText, t.text[n])
			t.text[n] = ""
			t.free = append(t.free, name(n))
		}
	}
	t.limit = max(sweepAt, 2*len(t.byText))
}
