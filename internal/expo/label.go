package expo

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

// Label is a name and a value, both any text.
type Label struct{ Name, Value string }

// normalized says what normalize had to do.
type normalized struct{ renamed, cut int }

// normalize returns a sorted copy that can be written as it is, of values of at
// most so many bytes unless that is 0.
func normalize(labels []Label, t Type, longest int) (_ []Label, did normalized) {
	out := make([]Label, 0, len(labels))
	for _, l := range labels {
		l.Name = cleanName(l.Name)
		if l.Name == "" || l.Value == "" {
			continue
		}
		if l.Name == "__name__" || l.Name == "le" && t == Histogram || l.Name == "quantile" && t == Summary {
			l.Name = "exported_" + l.Name
			did.renamed++
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
	out = out[:n]
	for i := range out {
		if longest > 0 && len(out[i].Value) > longest {
			out[i].Value = cut(out[i].Value, longest)
			did.cut++
		}
	}
	return out, did
}

// cut shortens a value, and ends it in a hash of the whole, without which values
// of a common beginning would become one.
func cut(value string, longest int) string {
	hash := fmt.Sprintf("~%016x", xxhash.Sum64String(value))
	keep := max(0, longest-len(hash))
	for keep > 0 && !utf8.RuneStart(value[keep]) {
		keep--
	}
	return value[:keep] + hash
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
// appendLabels wrote, and one more label, written too, unless it is empty. A name
// outside the classic set stands within the braces.
func appendHead(dst []byte, name *lineName, body, extra string) []byte {
	dst = append(dst, name.text...)
	switch {
	case name.quoted && (body != "" || extra != ""):
		dst = append(dst, ',')
	case !name.quoted && body == "" && extra == "":
		return dst
	case !name.quoted:
		dst = append(dst, '{')
	}
	dst = append(dst, body...)
	if extra != "" {
		if body != "" {
			dst = append(dst, ',')
		}
		dst = append(dst, extra...)
	}
	return append(dst, '}')
}

// eachLabel reads what appendLabels wrote.
func eachLabel(body string, visit func(name, value string)) {
	for body != "" {
		var name, value string
		if body[0] == '"' {
			name, body = unquote(body)
		} else {
			end := strings.IndexByte(body, '=')
			name, body = body[:end], body[end:]
		}
		value, body = unquote(body[1:]) // after the equals sign
		visit(name, value)
		if body != "" {
			body = body[1:] // the comma
		}
	}
}

// unquote reads what appendQuoted wrote, and returns the rest.
func unquote(s string) (text, rest string) {
	s = s[1:]
	end := strings.IndexAny(s, `"\`)
	if s[end] == '"' {
		return s[:end], s[end+1:]
	}
	var b strings.Builder
	for i := 0; ; i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			i++
			if s[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
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
