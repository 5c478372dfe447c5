package proctable

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "",
		"node\x00server.js\x00":              "node server.js",
		"node\x00\x00x\x00":                  "node  x",
		"postgres: writer   \x00\x00\x00":    "postgres: writer",
		"no end":                             "no end",
		strings.Repeat("a", 5000):            strings.Repeat("a", 4096),
		strings.Repeat("\x00", 5000) + "end": "",
	} {
		require.Equal(t, want, string(parseCommandLine([]byte(in))))
	}
}

func FuzzCommandLine(f *testing.F) {
	f.Add([]byte("node\x00server.js\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		line := string(parseCommandLine(b))
		require.LessOrEqual(t, len(line), maxCommandLine)
		require.NotContains(t, line, "\x00")
	})
}

func BenchmarkCommandLine(b *testing.B) {
	content := []byte("/usr/bin/python3\x00-m\x00research_agent\x00--model\x00large\x00")
	b.ReportAllocs()
	for b.Loop() {
		parseCommandLine(content)
	}
}
