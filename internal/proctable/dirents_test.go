package proctable

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// dirents writes entries as the kernel does: each padded to eight bytes.
func dirents(names ...string) []byte {
	var b []byte
	for _, name := range names {
		entry := make([]byte, (direntName+len(name)+1+7)/8*8)
		binary.NativeEndian.PutUint16(entry[direntLength:], uint16(len(entry)))
		copy(entry[direntName:], name)
		b = append(b, entry...)
	}
	return b
}

func namesIn(b []byte) []string {
	var out []string
	for name := range direntNames(b) {
		out = append(out, string(name))
	}
	return out
}

func TestDirectoryEntries(t *testing.T) {
	all := []string{".", "..", "1", "4194304", "self", "a name that is longer than the others"}
	require.Equal(t, all, namesIn(dirents(all...)))
	require.Empty(t, namesIn(nil))
}

func TestDirectoryEntriesEndWhereOneDoesNotFit(t *testing.T) {
	b := dirents("1", "2")
	require.Equal(t, []string{"1"}, namesIn(b[:len(b)-1]))
	binary.NativeEndian.PutUint16(b[direntLength:], 0)
	require.Empty(t, namesIn(b))
}

func FuzzDirectoryEntries(f *testing.F) {
	f.Add(dirents(".", "..", "17", "version"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size := 0
		for name := range direntNames(b) {
			size += direntName + len(name)
		}
		require.LessOrEqual(t, size, len(b))
	})
}

func BenchmarkDirectoryEntries(b *testing.B) {
	entries := dirents("1", "17", "4711", "32768", "self")
	b.ReportAllocs()
	for b.Loop() {
		for name := range direntNames(entries) {
			if _, ok := decimal(name); !ok && string(name) != "self" {
				b.Fatal(string(name))
			}
		}
	}
}
