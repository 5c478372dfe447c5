package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference lists the tools in which one contract differs from another, sorted. A
// tool whose description and schemas have changed is in two lists.
type Difference struct {
	Added, Removed, Breaking, Schema, Description []string
	// Breaks says of each tool in Breaking what broke first.
	Breaks []string
}

// Empty is true when there is no difference.
func (d Difference) Empty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Breaking)+len(d.Schema)+len(d.Description) == 0
}

// Diff returns how now differs from c.
func (c Contract) Diff(now Contract) Difference {
	var d Difference
	for _, name := range slices.Sorted(maps.Keys(c.tools)) {
		was := c.tools[name]
		is, ok := now.tools[name]
		if !ok {
			d.Removed = append(d.Removed, name)
			continue
		}
		if was.Description != is.Description {
			d.Description = append(d.Description, name)
		}
		if was.InputHash == is.InputHash && was.OutputHash == is.OutputHash {
			continue
		}
		if broken := was.broken(is); broken != "" {
			first, _, _ := strings.Cut(broken, "\n")
			d.Breaking, d.Breaks = append(d.Breaking, name), append(d.Breaks, first)
		} else {
			d.Schema = append(d.Schema, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.tools)) {
		if _, ok := c.tools[name]; !ok {
			d.Added = append(d.Added, name)
		}
	}
	return d
}

// broken returns why callers of a tool may find it broken, one reason a line, or
// nothing: also when it is not known, because only hashes were kept.
func (s signature) broken(now signature) string {
	broken := ""
	if s.InputHash != now.InputHash && (s.Input != nil || s.InputHash == "") {
		broken += brokenCall(s.Input, now.Input)
	}
	if s.OutputHash != now.OutputHash {
		broken += brokenAnswer(s.Output, now.Output)
	}
	return broken
}

// brokenCall returns why calls that were right may be wrong now, one reason a line,
// or nothing.
func brokenCall(was, is properties) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(was)) {
		before := was[path]
		now, ok := is[path]
		switch {
		case !ok && is.full():
		case !ok && path == "":
			return "the parameters are no longer described\n"
		case !ok:
			_, _ = fmt.Fprintf(&b, "parameter %q is gone\n", path)
		case now.Required && !before.Required:
			_, _ = fmt.Fprintf(&b, "parameter %q is now required\n", path)
		case path == "":
			// Arguments are an object, whether the schema says so or not.
			if !covers(now.Types, "object") {
				_, _ = fmt.Fprintln(&b, "the parameters are of another type")
			}
		case !allCovered(before.Types, now.Types):
			_, _ = fmt.Fprintf(&b, "parameter %q takes other types or values\n", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(is)) {
		// What is required within something new is no matter if that is not.
		if _, known := was[path]; !known && is[path].Required && was.has(parent(path)) && !was.full() {
			_, _ = fmt.Fprintf(&b, "parameter %q is new and required\n", path)
		}
	}
	return b.String()
}

// brokenAnswer returns why readers of answers may not find what they expect.
func brokenAnswer(was, is properties) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(was)) {
		before := was[path]
		now, ok := is[path]
		switch {
		case !ok && is.full():
		case !ok && path == "":
			return "the answer is no longer described\n"
		case !ok:
			_, _ = fmt.Fprintf(&b, "property %q of the answer is gone\n", path)
		case before.Required && !now.Required:
			_, _ = fmt.Fprintf(&b, "property %q of the answer may be missing\n", path)
		case !allCovered(now.Types, before.Types) && path == "":
			_, _ = fmt.Fprintln(&b, "the answer is of another type")
		case !allCovered(now.Types, before.Types):
			_, _ = fmt.Fprintf(&b, "property %q of the answer has other types or values\n", path)
		}
	}
	return b.String()
}

// full is true when there may be more than was kept.
func (p properties) full() bool { return len(p) >= maxProperties }

// has is true for a path that is known. The path of what was given without a schema
// is, too.
func (p properties) has(path string) bool {
	_, ok := p[path]
	return ok || path == ""
}

// parent returns the path of what a property belongs to.
func parent(path string) string {
	if array, ok := strings.CutSuffix(path, "[]"); ok {
		return array
	}
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}
