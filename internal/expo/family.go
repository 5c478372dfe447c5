package expo

import (
	"slices"
	"strings"
	"sync/atomic"
)

// Type is the type of a family, as its TYPE line says it.
type Type uint8

// The types of the formats.
const (
	Untyped Type = iota
	Gauge
	Counter
	Histogram
	Summary
)

// String returns the word of the TYPE line of the text format.
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

// simple reports whether a series of the type is one line.
func (t Type) simple() bool { return t != Histogram && t != Summary }

// Family describes the series that share a name. The name may be any text; what
// the classic character set does not allow is written in quotes.
type Family struct {
	Name, Help string
	// Unit is a word that the name ends in, as in "seconds"; OpenMetrics and the
	// protocol buffers tell it. A unit that the name does not end in is left out.
	Unit string
	Type Type
}

// family is what a name stands for in the store. Its description never changes.
type family struct {
	Family
	// lines of all names that the family may write: its own, then those with the
	// suffixes of its type.
	lines []lineName
	// created is the name of the _created line of OpenMetrics.
	created lineName
	// headers of the syntaxes; openStripped is that of a counter whose TYPE line
	// goes without _total.
	text, open, openStripped *header

	// pages, sorted by the labels in them. The slice is replaced, never changed.
	pages atomic.Pointer[[]*page]
	// live counts the series. The store's lock guards it, and ladders.
	live    int
	ladders []*ladder
}

// lineName is a name as it begins a line.
type lineName struct {
	name   string
	quoted bool
	// text is the name, or the brace and the quoted name.
	text string
}

func nameOf(name string) lineName {
	if classic(name, true) {
		return lineName{name: name, text: name}
	}
	return lineName{name: name, quoted: true, text: string(appendQuoted([]byte{'{'}, name))}
}

const total = "_total"

// clean returns the description as it can be written.
func (f Family) clean() Family {
	f.Name = cleanName(f.Name)
	f.Help = strings.TrimSpace(strings.ToValidUTF8(f.Help, "\uFFFD"))
	if f.Unit != "" && !strings.HasSuffix(strings.TrimSuffix(f.Name, total), "_"+f.Unit) {
		f.Unit = ""
	}
	return f
}

func newFamily(f Family) *family {
	made := &family{Family: f}
	made.lines = append(made.lines, nameOf(f.Name))
	for _, suffix := range f.Type.suffixes() {
		made.lines = append(made.lines, nameOf(f.Name+suffix))
	}
	base, counts := strings.CutSuffix(f.Name, total)
	made.created = nameOf(base + "_created")
	made.text = newHeader(f.Name, f.Type.String(), "", appendEscaped(nil, f.Help, false))

	word := f.Type.String()
	if f.Type == Untyped || f.Type == Counter {
		word = "unknown"
	}
	help := appendEscaped(nil, f.Help, true)
	made.open = newHeader(f.Name, word, f.Unit, help)
	if f.Type == Counter && counts {
		made.openStripped = newHeader(base, "counter", f.Unit, help)
	}
	made.pages.Store(&[]*page{})
	return made
}

// header is what stands before the lines of a family.
type header struct {
	text string
	kept atomic.Pointer[segment]
}

func newHeader(name, kind, unit string, help []byte) *header {
	quoted := name
	if !classic(name, true) {
		quoted = string(appendQuoted(nil, name))
	}
	var b strings.Builder
	b.WriteString("# HELP " + quoted + " ")
	b.Write(help)
	b.WriteString("\n# TYPE " + quoted + " " + kind + "\n")
	if unit != "" && strings.HasSuffix(name, "_"+unit) {
		b.WriteString("# UNIT " + quoted + " " + unit + "\n")
	}
	return &header{text: b.String()}
}

// ladder is the bounds of histograms, shared by the series of a family, with
// their labels in both kinds of text.
type ladder struct {
	bounds     []float64
	text, open []string
}

// maxLadders bounds the ladders that a family shares; further ones are made for
// each series.
const maxLadders = 8

// ladderOf returns the ladder of these bounds, which stay the caller's.
func (f *family) ladderOf(bounds []float64) *ladder {
	for _, l := range f.ladders {
		if slices.Equal(l.bounds, bounds) {
			return l
		}
	}
	l := &ladder{bounds: slices.Clone(bounds)}
	for _, bound := range bounds {
		l.text = append(l.text, `le="`+string(appendFloat(nil, bound))+`"`)
		l.open = append(l.open, `le="`+string(appendOpenFloat(nil, bound))+`"`)
	}
	if len(f.ladders) < maxLadders {
		f.ladders = append(f.ladders, l)
	}
	return l
}

// find returns the page that a series with these labels belongs to, by its place
// in the list, -1 if there is none yet. The store's lock is held.
func (f *family) find(body string) int {
	pages := *f.pages.Load()
	i, found := slices.BinarySearchFunc(pages, body, func(p *page, body string) int {
		return p.compare(0, body)
	})
	if !found && i > 0 {
		i--
	}
	if len(pages) == 0 {
		return -1
	}
	return i
}

// replace puts pages in the place of n others. The store's lock is held.
func (f *family) replace(at, n int, with ...*page) {
	old := *f.pages.Load()
	pages := make([]*page, 0, len(old)-n+len(with))
	pages = append(append(append(pages, old[:at]...), with...), old[at+n:]...)
	f.pages.Store(&pages)
}
