package proctable

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const statLine = "4711 (node) S 1 4711 4711 0 -1 4194368 99 0 3 0 1500 250 70 80 20 0 11 0 95686 3133440 410 " +
	"18446744073709551615 93830390181888 93830390201769 140722679013184 0 0 0 0 0 134217728 0 0 0 17 1 0 0 0 0 0 " +
	"93830390217776 93830390219392 93830948610048 140722679015937 140722679015957 140722679015957 140722679017451 0\n"

func TestStatLine(t *testing.T) {
	s, err := parseStat([]byte(statLine))
	require.NoError(t, err)
	require.Equal(t, stat{
		comm: []byte("node"), state: 'S', parent: 1, unexeced: true, minor: 99, major: 3, user: 1500, system: 250, threads: 11,
		start: 95686, vsize: 3133440, rssPages: 410, arguments: 140722679015937,
	}, s)
}

func TestCommMayHoldAnything(t *testing.T) {
	for _, comm := range []string{"", " ", "a b", "a) R 1 (", ") Z 1 1", "((", "line\nbreak", "\xff\xfe", "1 (x) S 2"} {
		s, err := parseStat([]byte(strings.Replace(statLine, "node", comm, 1)))
		require.NoError(t, err, "%q", comm)
		require.Equal(t, comm, string(s.comm))
		require.Equal(t, byte('S'), s.state, "%q", comm)
		require.Equal(t, 1, s.parent, "%q", comm)
		require.Equal(t, uint64(95686), s.start, "%q", comm)
	}
}

func TestStatLineOfAnOldKernelIsShorter(t *testing.T) {
	s, err := parseStat([]byte("7 (a) R 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 5\n"))
	require.NoError(t, err)
	require.Equal(t, stat{comm: []byte("a"), state: 'R', parent: 2, user: 1, system: 2, threads: 1, start: 3, vsize: 4, rssPages: 5}, s)
}

func TestMalformedStatLines(t *testing.T) {
	for _, line := range []string{
		"", "\n", "4711", "4711 (node", "4711 node) S 1", ")(", "4711 (node)", "4711 (node) S", "4711 (node) S ",
		"4711 (node) S 1 2 3\n",
		"7 (a) 1 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 5\n",
		"7 (a) R -2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 5\n",
		"7 (a) R 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 -5\n",
		"7 (a) R 2 0 0 0 -1 0 0 0 0 0 x 2 0 0 20 0 1 0 3 4 5\n",
		"7 (a) R 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 9999999999999\n",
		"7 (a) R 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 1234567890123456789 4 5\n",
		"7 (a) R 2  0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4\n",
	} {
		_, err := parseStat([]byte(line))
		require.ErrorIs(t, err, errMalformed, "%q", line)
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(statLine))
	f.Add([]byte(strings.Replace(statLine, "node", "a) R 1 (", 1)))
	f.Add([]byte("7 (a) R 2 0 0 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 3 4 5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseStat(b)
		if err != nil {
			return
		}
		require.True(t, bytes.Contains(b, append(append([]byte{'('}, s.comm...), ')')))
		require.GreaterOrEqual(t, s.parent, 0)
		require.GreaterOrEqual(t, s.threads, 0)
		require.GreaterOrEqual(t, s.vsize, int64(0))
		require.GreaterOrEqual(t, s.rssPages*65536, int64(0))
	})
}

func BenchmarkStat(b *testing.B) {
	line := []byte(statLine)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseStat(line); err != nil {
			b.Fatal(err)
		}
	}
}
