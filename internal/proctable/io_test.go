package proctable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const ioFile = "rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nsyscw: 632675\nread_bytes: 4096\nwrite_bytes: 323932160\ncancelled_write_bytes: 17\n"

func TestIOIsThatOfDisks(t *testing.T) {
	io, err := parseIO([]byte(ioFile))
	require.NoError(t, err)
	require.Equal(t, IO{ReadBytes: 4096, WriteBytes: 323932160}, io)
}

func TestMalformedIO(t *testing.T) {
	for _, s := range []string{
		"", "read_bytes: 1\nwrite_bytes: 2\n", "a\nread_bytes: 1\n", "a\nread_bytes: 1\nwrite_bytes: 2", "a\nread_bytes: -1\nwrite_bytes: 2\n",
		"a\nread_bytes:1\nwrite_bytes: 2\n", "a\nread_bytes: 1234567890123456789\nwrite_bytes: 2\n", "a\nread_bytes: \nwrite_bytes: 2\n",
	} {
		_, err := parseIO([]byte(s))
		require.ErrorIs(t, err, errMalformed, "%q", s)
	}
}

func FuzzIO(f *testing.F) {
	f.Add([]byte(ioFile))
	f.Fuzz(func(t *testing.T, b []byte) {
		io, err := parseIO(b)
		if err != nil {
			require.Zero(t, io)
			return
		}
		require.Less(t, max(io.ReadBytes, io.WriteBytes), uint64(1e18))
	})
}

func BenchmarkIO(b *testing.B) {
	content := []byte(ioFile)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseIO(content); err != nil {
			b.Fatal(err)
		}
	}
}
