package expo

import (
	"slices"
	"strings"
)

// Type is the type of a family, as its TYPE line says it.
type Type uint8

// The types of the format.
const (
	Untyped Type = iota
	Gauge
	Counter
	Histogram
	Summary
)

// String returns the word of the TYPE line.
func (t Type) String() string {
	switch t {
	case Gauge:
		return "gauge"
	case Counter:
		return "counter"
	case Histogram:
		return "histogram"
	case Summary:
		return "summary"
	default:
		return "untyped"
	}
}

// suffixes returns what the type appends to its name in lines of its own.
func (t Type) suffixes() []string {
	switch t {
	case Histogram:
		return []string{"_bucket", "_sum", "_count"}
	case Summary:
		return []string{"_sum", "_count"}
	default:
		return nil
	}
}

// Family describes the series that share a name. The name may be any text; what
// the classic character set does not allow is written in quotes.
type Family struct {
	Name, Help string
	Type       Type
}

// family is rendered as a whole into a segment, which is never written to again.
type family struct {
	name string
	help string
	kind Type
	// names of all lines that the family may write: its own, then those with the
	// suffixes of its type.
	names  []string
	header string
	// series may hold removed ones, and be out of order, until tidy.
	series   []*series
	live     int
	unsorted bool
	changed  bool
	segment  []byte
}

func newFamily(f Family) *family {
	b := append([]byte("# HELP "), quoteName(f.Name)...)
	b = append(b, ' ')
	b = appendEscaped(b, strings.TrimSpace(strings.ToValidUTF8(f.Help, "\uFFFD")), false)
	b = append(b, "\n# TYPE "...)
	b = append(b, quoteName(f.Name)...)
	b = append(b, ' ')
	b = append(b, f.Type.String()...)
	b = append(b, '\n')
	names := []string{f.Name}
	for _, suffix := range f.Type.suffixes() {
		names = append(names, f.Name+suffix)
	}
	return &family{name: f.Name, help: f.Help, kind: f.Type, names: names, header: string(b)}
}

func (f *family) add(ser *series) {
	ser.family = f
	if len(f.series) > 2*f.live+64 {
		f.tidy() // series come and go, and nobody scrapes
	}
	f.series = append(f.series, ser)
	f.live++
	f.unsorted, f.changed = true, true
}

// remove reports whether the family is empty now.
func (f *family) remove(ser *series) bool {
	ser.gone = true
	f.live--
	f.changed = true
	return f.live == 0
}

// render returns the family's text, which the caller must not change. A family
// whose series were never written has none.
func (f *family) render(timestamps bool) []byte {
	if !f.changed {
		return f.segment
	}
	f.changed = false
	f.tidy()
	// A new slice each time: snapshots may still hold the old one. An eighth of
	// slack, since values grow longer as they count.
	out := make([]byte, 0, len(f.segment)+len(f.segment)/8+len(f.header))
	out = append(out, f.header...)
	for _, ser := range f.series {
		if ser.written {
			out = ser.appendTo(out, timestamps)
		}
	}
	if len(out) == len(f.header) {
		out = nil
	}
	f.segment = out
	return out
}

func (f *family) tidy() {
	if len(f.series) != f.live {
		f.series = slices.DeleteFunc(f.series, func(s *series) bool { return s.gone })
	}
	if f.unsorted {
		slices.SortFunc(f.series, func(a, b *series) int { return strings.Compare(a.body, b.body) })
		f.unsorted = false
	}
}
