package mcp

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes foreign text fit for a reason or an event: valid UTF-8 of at most
// limit bytes, which cannot move the cursor or turn the direction of writing.
func printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > limit {
		end := limit - len("…")
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return strings.TrimSpace(text)
}
