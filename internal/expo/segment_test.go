package expo

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// inflate reads segments as the standard library does.
func inflate(t testing.TB, deflated []byte) string {
	got, err := io.ReadAll(flate.NewReader(bytes.NewReader(append(bytes.Clone(deflated), lastBlock...))))
	require.NoError(t, err)
	return string(got)
}

func TestSegmentsAreDeflate(t *testing.T) {
	long := strings.Repeat("x", 40_000)
	for _, text := range []string{
		"", "a", "\n", "\n\n\n", "abc\nabc\nabc\n", "no end", strings.Repeat("a", 1000) + "\n" + strings.Repeat("a", 1001),
		"m{a=\"1\",b=\"2\"} 0.5\nm{a=\"2\",b=\"2\"} 1.5e-07\nm{a=\"2\"} NaN\n", long + "1\n" + long + "2\n",
		strings.Repeat("k", 262) + "\n" + strings.Repeat("k", 262) + "\n", "\x00\xff\x80\n\x00\xff\x80\n",
	} {
		require.Equal(t, text, inflate(t, deflate(nil, text, nil, nil)))
	}
	for length := range 1100 { // every length of a match
		line := strings.Repeat("z", length) + "\n"
		require.Equal(t, line+line, inflate(t, deflate(nil, line+line, nil, nil)), length)
	}
}

func TestCodesAreNotLongerThanAllowed(t *testing.T) {
	for _, n := range append(code.literalBits[:], code.distanceBits[:]...) {
		require.LessOrEqual(t, n, uint8(15))
		require.Positive(t, n)
	}
}

func FuzzDeflate(f *testing.F) {
	f.Add("a{b=\"1\"} 1\na{b=\"2\"} 2\n", "a{b=\"1\"} ", 3)
	f.Fuzz(func(t *testing.T, text, line string, times int) {
		text += strings.Repeat(line, max(0, min(times, 1000))) + "\n" + text
		require.Equal(t, text, inflate(t, deflate(nil, text, nil, nil)))
	})
}

// Whatever changes from one time to the next, what is taken over fits.
func TestSegmentsTakeOverWhatHasNotChanged(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, share := range []int{1, 2, 10, 100} {
		lines := make([]string, simplePage)
		for i := range lines {
			lines[i] = fmt.Sprintf("m{i=\"%d\",word=\"%x\"} %v\n", i, random.Uint32(), random.Float64())
		}
		var scratch []byte
		seg := compress(&scratch, strings.Join(lines, ""), len(lines), nil)
		for range 20 {
			again := reuse{base: seg}
			for i := range lines {
				if random.IntN(share) == 0 {
					lines[i] = fmt.Sprintf("m{i=\"%d\"} %v\n", i, random.NormFloat64())
					again.changed[i/64] |= 1 << (i % 64)
				}
			}
			end := 0
			for _, line := range lines {
				end += len(line)
				again.ends = append(again.ends, uint32(end))
			}
			text := strings.Join(lines, "")
			seg = compress(&scratch, text, len(lines), &again)
			require.Equal(t, text, inflate(t, seg.deflated))
			require.Equal(t, compress(&scratch, text, 0, nil).deflated, seg.deflated, "not a bit is different")
		}
	}
}

func TestSumsJoin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a, b := make([]byte, random.IntN(1<<random.IntN(18))), make([]byte, random.IntN(1<<random.IntN(18)))
		for _, c := range [][]byte{a, b} {
			for i := range c {
				c[i] = byte(random.Uint32())
			}
		}
		want := crc32.ChecksumIEEE(append(bytes.Clone(a), b...))
		require.Equal(t, want, joinSums(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), len(b)))
	}
}

// One member, as some clients read no more, and the same text as without.
func TestGzipIsOneMemberOfTheSameText(t *testing.T) {
	for _, families := range []int{1, 3, 200} {
		s := New(Options{MaxSeries: 10_000})
		var handles []*Handle
		for i := range 5000 {
			handles = append(handles, put(t, s, at(0), gauge(fmt.Sprintf("metric_%03d", i%families)), Sample{Value: float64(i) / 7},
				Label{"agent", fmt.Sprintf("agent-%d", i)}, Label{"outcome", "completed"}))
		}
		for round := range 6 {
			for _, syntax := range []Syntax{Text, OpenMetrics} {
				if round == 2 {
					text(t, s, at(0)) // one that is not compressed
				}
				packed := bytes.NewReader(scrape(t, s, at(0), Format{syntax, Gzip}))
				z, err := gzip.NewReader(packed)
				require.NoError(t, err)
				z.Multistream(false)
				got, err := io.ReadAll(z)
				require.NoError(t, err)
				require.Zero(t, packed.Len(), "after the first member")
				require.Equal(t, string(scrape(t, s, at(0), Format{syntax, Plain})), string(got))
			}
			if round == 3 {
				s.Remove(handles[100])
				put(t, s, at(0), gauge("metric_000"), Sample{Value: 1}, Label{"agent", "agent-1000x"})
			}
			for i := round; i < len(handles); i += 49 {
				if i == 100 {
					continue
				}
				_, err := s.Set(at(0), handles[i], &Sample{Value: float64(i * round)})
				require.NoError(t, err)
			}
		}
	}
}

func BenchmarkDeflate(b *testing.B) {
	var lines strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 256 {
		fmt.Fprintf(&lines, "agent_steps_total{agent_name=\"agent-%d\",instance=\"planner-1\",job=\"planner\",otel_scope_name=\"agents\","+
			"outcome=\"completed\",workflow_type=\"research\"} %v\n", 4000+i, random.Float64()*1000)
	}
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = deflate(out[:0], lines.String(), nil, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/series")
	b.ReportMetric(float64(lines.Len())/float64(len(out)), "ratio")
}
