package proctable

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironHasNamesAndNoValues(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                  nil,
		"PATH=/bin\x00TOKEN=secret\x00":     {"PATH", "TOKEN"},
		"A=1\x00B=\x00C=x=y\x00":            {"A", "B", "C"},
		"A=1\x00\x00\x00B=2":                {"A", "B"},
		"no equals sign\x00=nameless\x00A=": {"A"},
		"a title, and not an environment":   nil,
		strings.Repeat("n", 257) + "=1\x00" + strings.Repeat("m", 256) + "=2\x00": {strings.Repeat("m", 256)},
	} {
		b := []byte(in)
		got, err := parseEnvironNames(b)
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", in)
		require.Equal(t, make([]byte, len(in)), b, "values are wiped")
	}
	names, err := parseEnvironNames(bytes.Repeat([]byte("A=1\x00"), 5000))
	require.NoError(t, err)
	require.Len(t, names, 1024)
}

func FuzzEnviron(f *testing.F) {
	f.Add([]byte("PATH=/bin\x00TOKEN=secret\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := append([]byte{0}, b...)
		names, err := parseEnvironNames(b)
		require.NoError(t, err)
		require.LessOrEqual(t, len(names), maxEnvirons)
		for _, name := range names {
			require.NotEmpty(t, name)
			require.LessOrEqual(t, len(name), maxEnvironName)
			require.NotContains(t, name, "=")
			require.Contains(t, string(whole), "\x00"+name+"=")
		}
	})
}

func BenchmarkEnviron(b *testing.B) {
	content := bytes.Repeat([]byte("SOME_NAME=some value that is longer\x00"), 30)
	buf := make([]byte, len(content))
	b.ReportAllocs()
	for b.Loop() {
		copy(buf, content)
		if _, err := parseEnvironNames(buf); err != nil {
			b.Fatal(err)
		}
	}
}
