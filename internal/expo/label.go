package expo

import (
	"slices"
	"strings"
)

// Label is a name and a value, both any text.
type Label struct{ Name, Value string }

// normalize returns a sorted copy that can be written as it is, and the number
// of labels that had to be renamed.
func normalize(labels []Label, t Type) (_ []Label, renamed int) {
	out := make([]Label, 0, len(labels))
	for _, l := range labels {
		l.Name = cleanName(l.Name)
		if l.Name == "" || l.Value == "" {
			continue
		}
		if l.Name == "__name__" || l.Name == "le" && t == Histogram || l.Name == "quantile" && t == Summary {
			l.Name = "exported_" + l.Name
			renamed++
		}
		l.Value = strings.ToValidUTF8(l.Value, "\uFFFD")
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	n := 0
	for i, l := range out {
		if i > 0 && out[n-1].Name == l.Name {
			out[n-1].Value += ";" + l.Value
			continue
		}
		out[n] = l
		n++
	}
	return out[:n], renamed
}

// cleanName makes a name valid UTF-8 without NUL, which Prometheus' parser takes
// for the end of the text everywhere but in values.
func cleanName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if strings.IndexByte(name, 0) >= 0 {
		name = strings.ReplaceAll(name, "\x00", "\uFFFD")
	}
	return name
}

// appendLabels writes the labels as they stand between braces.
func appendLabels(dst []byte, labels []Label) []byte {
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLabel(dst, l.Name, l.Value)
	}
	return dst
}

func appendLabel(dst []byte, name, value string) []byte {
	if classic(name, false) {
		dst = append(dst, name...)
	} else {
		dst = appendQuoted(dst, name)
	}
	dst = append(dst, '=')
	return appendQuoted(dst, value)
}

// appendHead writes the beginning of a line up to the value: a name, labels that
// appendLabels wrote, and one more label with a number for its value unless
// extra is empty. A name outside the classic set stands within the braces.
func appendHead(dst []byte, name, body, extra string, number float64) []byte {
	quoted := !classic(name, true)
	if !quoted {
		dst = append(dst, name...)
		if body == "" && extra == "" {
			return dst
		}
	}
	dst = append(dst, '{')
	if quoted {
		dst = appendQuoted(dst, name)
		if body != "" || extra != "" {
			dst = append(dst, ',')
		}
	}
	dst = append(dst, body...)
	if extra != "" {
		if body != "" {
			dst = append(dst, ',')
		}
		dst = append(dst, extra...)
		dst = append(dst, '=', '"')
		dst = appendFloat(dst, number)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// quoteName returns a metric name as HELP and TYPE lines have it.
func quoteName(name string) string {
	if classic(name, true) {
		return name
	}
	return string(appendQuoted(nil, name))
}

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s, true)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string, quotes bool) []byte {
	from := 0
	for i := range len(s) {
		var escape string
		switch s[i] {
		case '\\':
			escape = `\\`
		case '\n':
			escape = `\n`
		case '"':
			if !quotes {
				continue
			}
			escape = `\"`
		default:
			continue
		}
		dst = append(dst, s[from:i]...)
		dst = append(dst, escape...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// classic reports whether a name can stand without quotes:
// [a-zA-Z_][a-zA-Z0-9_]*, and colons in names of metrics.
func classic(name string, metric bool) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':' && metric:
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
