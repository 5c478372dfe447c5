package expo

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A room that is held is not written to, and one that nobody holds is used again.
func TestRoomsAreUsedAgainWhenNobodyReads(t *testing.T) {
	for _, size := range []int{100, 3 * largeRoom} {
		var r rooms
		first := r.get(size)
		first.add(strings.Repeat("a", size))
		reading := &rendering{room: first, rooms: &r}
		reading.holds.Store(1)
		require.True(t, reading.hold())
		reading.release()
		require.NotSame(t, first, r.get(size), "the page holds it")
		reading.release()
		require.False(t, reading.hold())
		require.Same(t, first, r.get(size-size/100))
		require.NotSame(t, first, r.get(size), "it is taken")
	}
}

func TestRoomsThatLieReadyAreBounded(t *testing.T) {
	var r rooms
	for i := range 3 * maxRooms {
		r.put(newRoom(100+i, true))
	}
	for _, room := range r.free {
		require.GreaterOrEqual(t, cap(room.text), 100+2*maxRooms, "the oldest went")
	}
}

// Whatever comes and goes, in whatever order, with and without scrapes in
// between, the lines are those of the series that are there.
func TestLinesSurviveEveryMove(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	tail := strings.Repeat("x", 150)
	for _, scrape := range []Format{{Text, Plain}, {OpenMetrics, Plain}} {
		s := New(Options{MaxSeries: 100_000})
		have := map[string]*Handle{}
		for round := range 40 {
			for range 150 {
				label := fmt.Sprintf("%05d%s", random.IntN(3000), tail)
				if h := have[label]; h != nil && random.IntN(3) == 0 {
					s.Remove(h)
					delete(have, label)
				} else if h == nil {
					have[label] = put(t, s, at(0), gauge("m"), Sample{Value: 1}, Label{"i", label})
				}
			}
			if round%3 > 0 {
				require.NoError(t, s.Write(io.Discard, at(0), scrape))
			}
			runtime.GC()
		}
		var b bytes.Buffer
		require.NoError(t, s.Write(&b, at(0), Format{}))
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")[2:]
		require.Len(t, lines, len(have))
		for _, line := range lines {
			label := strings.TrimSuffix(strings.TrimPrefix(line, `m{i="`), `"} 1`)
			require.Contains(t, have, label)
			delete(have, label)
		}
		for _, p := range *s.claims["m"].pages.Load() {
			require.LessOrEqual(t, len(p.lent), maxLent)
		}
	}
}

func TestSince(t *testing.T) {
	earlier := &Native{Scale: 1, ZeroCount: 1, Positive: Buckets{Offset: 2, Counts: []uint64{1, 0, 2}}}
	now := &Native{Scale: 1, ZeroCount: 3, Positive: Buckets{Offset: 1, Counts: []uint64{5, 1, 1, 2}}, Negative: Buckets{Counts: []uint64{4}}}
	got, ok := now.Since(earlier)
	require.True(t, ok)
	require.True(t, got.same(&Native{Scale: 1, ZeroCount: 2, Positive: Buckets{Offset: 1, Counts: []uint64{5, 0, 1, 0}},
		Negative: Buckets{Counts: []uint64{4}}}), "%+v", got)
	_, ok = earlier.Since(now)
	require.False(t, ok)
	sum := earlier.Clone()
	sum.Add(got)
	require.True(t, sum.same(now), "%+v", sum)
	_, ok = (&Native{Scale: 1, Positive: Buckets{Offset: 4, Counts: []uint64{9}}}).Since(earlier)
	require.False(t, ok, "a bucket is gone")
	coarse, ok := (&Native{ZeroCount: 1, Positive: Buckets{Offset: 1, Counts: []uint64{1, 4}}}).Since(earlier)
	require.True(t, ok)
	require.True(t, coarse.same(&Native{Positive: Buckets{Offset: 1, Counts: []uint64{0, 2}}}), "%+v", coarse)
}
