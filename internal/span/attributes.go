package span

import mathbits "math/bits"

// attributes are those of a span that some dialect has a use for, by what they
// are about.
type attributes struct {
	set    slots
	values [slotCount]ranked

	// wanted are the dialects that one of the attributes triggers.
	wanted dialects

	// draft is where Classify works, used says that it has.
	draft Meaning
	used  bool

	// The scope of the last span and what it says of the dialect: spans come scope
	// by scope, and these two survive Reset.
	scopeSeen  string
	scopeMarks dialects
}

// ranked is a value and the rank of the key that it came with.
type ranked struct {
	value Value
	rank  uint8
}

// Reset makes the span as good as new.
func (s *Span) Reset() {
	links, set, seen, marks := s.Links[:0], s.set, s.scopeSeen, s.scopeMarks
	s.TraceID, s.ID, s.ParentID, s.Links = TraceID{}, ID{}, ID{}, links
	s.Service, s.Scope, s.Name, s.Kind, s.Status = "", "", "", 0, 0
	s.Start, s.End, s.Exception = 0, 0, ""
	for half, bits := range set {
		for ; bits != 0; bits &= bits - 1 {
			s.values[half<<6+mathbits.TrailingZeros64(bits)] = ranked{}
		}
	}
	if s.used {
		s.draft, s.used = Meaning{}, false
	}
	s.set, s.wanted, s.scopeSeen, s.scopeMarks = slots{}, 0, seen, marks
}

// Set gives the span an attribute, and reports whether any dialect knows the key.
// Unknown keys cost a look-up and nothing else. Of several keys that mean the
// same, the one that the conventions prefer stays, in whatever order they come; a
// key that comes twice replaces its value.
func (a *attributes) Set(key string, v Value) bool {
	f := spanFields.find(key)
	if f == nil {
		return false
	}
	a.put(*f, v)
	return true
}

// SetEvent gives the span an attribute of one of its events, and reports whether
// any dialect has a use for it. Events are to be given in their order; what an
// "exception" event says goes to Exception.
func (s *Span) SetEvent(event, key string, v Value) bool {
	if event == "exception" {
		if key != "exception.type" {
			return false
		}
		s.Exception = v.text
		return true
	}
	f, ok := eventFields[eventKey{event, key}]
	if !ok {
		return false
	}
	s.put(f, v)
	return true
}

// Known reports whether Set has a use for the key. Callers ask it before they make
// a Value that costs something, such as the JSON of a map.
func Known(key string) bool {
	return spanFields.find(key) != nil
}

func (a *attributes) put(f place, v Value) {
	if v.kind == NoValue || v.kind == StringValue && v.text == "" {
		return
	}
	if a.set.has(f.slot) && a.values[f.slot].rank < f.rank {
		return
	}
	a.set.add(f.slot)
	a.wanted |= slotDialects[f.slot]
	a.values[f.slot] = ranked{v, f.rank}
}

func (a *attributes) has(s slot) bool { return a.set.has(s) }

// text is what the slot says, if it says it in words.
func (a *attributes) text(s slot) string {
	if !a.set.has(s) {
		return ""
	}
	return a.values[s].value.text
}

// count is what the slot says, if it says a number that can be counted with.
func (a *attributes) count(s slot) (n int64, ok bool) {
	if !a.set.has(s) {
		return 0, false
	}
	n, ok = a.values[s].value.Int()
	if !ok || n < 0 || n > maxCount {
		return 0, false
	}
	return n, true
}

// maxCount is the most that one span is believed to have used of anything, far
// above any real value: sums must not overflow by what somebody sent.
const maxCount = 1 << 40
