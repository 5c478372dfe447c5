package agentprocess

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// groupName is the name of a group in pieces: text and references in turn, text
// first. It is one piece for a group with a fixed name.
type groupName []string

// reference is a named capture in the name of a group.
var reference = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

// parseName splits a name. Each reference must be to one of the captures.
func parseName(name string, captures map[string]bool) (groupName, error) {
	var pieces groupName
	rest := name
	for {
		at := reference.FindStringSubmatchIndex(rest)
		text := rest
		if at != nil {
			text = rest[:at[0]]
		}
		if strings.Contains(text, "{{") || strings.Contains(text, "}}") {
			return nil, fmt.Errorf("may have references to captures such as {{ .agent }} and no other braces in pairs, is %q", name)
		}
		pieces = append(pieces, text)
		if at == nil {
			return pieces, nil
		}
		capture := rest[at[2]:at[3]]
		if !captures[capture] {
			return nil, fmt.Errorf("must refer to captures of the patterns, none of which is (?P<%s>…), is %q", capture, name)
		}
		pieces = append(pieces, capture)
		rest = rest[at[1]:]
	}
}

// fixed tells whether there is one group of this name.
func (n groupName) fixed() bool { return len(n) == 1 }

// with returns the name with the values of the captures in it.
func (n groupName) with(value func(capture string) string) string {
	var b strings.Builder
	for i, piece := range n {
		if i%2 == 1 {
			piece = clean(value(piece))
		}
		b.WriteString(piece)
	}
	return b.String()
}

const (
	// maxCapture bounds the bytes of a value in the name of a group.
	maxCapture = 64
	// nothing stands for a capture that is empty.
	nothing = "unknown"
)

// clean makes the value of a capture, which any process may choose, fit for a
// name that is shown to people and programs.
func clean(value string) string {
	value = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) && r != utf8.RuneError || unicode.IsDigit(r) || strings.ContainsRune("._-/@+:*", r) {
			return r
		}
		return '_'
	}, mask(value))
	return cmp.Or(cut(value, maxCapture), nothing)
}

// cut returns the first bytes of s, at most n, without cutting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
