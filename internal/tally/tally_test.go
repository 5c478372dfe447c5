package tally

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Unix(1_800_000_000, 0)

func at(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }

func TestCounterAddsUpByLabels(t *testing.T) {
	c := NewCounter(Limits{Points: 10})
	c.Add(at(0), Labels{"a"}, 1, nil)
	c.Add(at(1), Labels{"b", "x"}, 2.5, nil)
	c.Add(at(2), Labels{"a"}, 3, nil)
	require.Equal(t, []CounterPoint{
		{Labels: Labels{"b", "x"}, Start: at(1), Value: 2.5},
		{Labels: Labels{"a"}, Start: at(0), Value: 4},
	}, slices.Collect(c.Collect(at(3))))
}

func TestMillionOfLabelsGoesToTheOverflowAndLeavesTheOldExact(t *testing.T) {
	c := NewCounter(Limits{Points: 3, TTL: time.Hour})
	h := NewHistogram([]float64{1}, Limits{Points: 3, TTL: time.Hour})
	const n = 1_000_000
	for i := range n {
		for _, id := range []string{fmt.Sprint(i), "0"} {
			c.Add(at(0), Labels{id}, 1, nil)
			h.Observe(at(0), Labels{id}, 2, nil)
		}
	}
	counted := slices.Collect(c.Collect(at(1)))
	require.ElementsMatch(t, []CounterPoint{
		{Labels: Labels{"0"}, Start: at(0), Value: n + 1},
		{Labels: Labels{"1"}, Start: at(0), Value: 1},
		{Labels: Labels{"2"}, Start: at(0), Value: 1},
		{Overflow: true, Start: at(0), Value: n - 3},
	}, counted)
	require.Equal(t, uint64(n-3), c.Refused())
	require.Equal(t, uint64(n-3), h.Refused())
	last := slices.Collect(h.Collect(at(1)))[3]
	require.True(t, last.Overflow)
	require.Equal(t, uint64(n-3), last.Count)
	require.Equal(t, []uint64{0, n - 3}, last.Buckets)
}

func TestPointAtRestEndsAndStartsAgain(t *testing.T) {
	c := NewCounter(Limits{Points: 1, TTL: time.Minute})
	c.Add(at(0), Labels{"a"}, 5, nil)
	c.Add(at(60), Labels{"b"}, 1, nil) // takes the place of a
	require.Equal(t, []CounterPoint{{Labels: Labels{"b"}, Start: at(60), Value: 1}}, slices.Collect(c.Collect(at(61))))
	require.Empty(t, slices.Collect(c.Collect(at(200))))
	c.Add(at(201), Labels{"a"}, 1, nil)
	require.Equal(t, []CounterPoint{{Labels: Labels{"a"}, Start: at(201), Value: 1}}, slices.Collect(c.Collect(at(201))))
}

func TestHistogramSortsIntoBucketsWithUpperBoundsIncluded(t *testing.T) {
	h := NewHistogram([]float64{1, 2}, Limits{Points: 10})
	for _, v := range []float64{0, 1, 1.5, 2, 2.1, math.Inf(1)} {
		h.Observe(at(0), Labels{}, v, nil)
	}
	got := slices.Collect(h.Collect(at(0)))
	require.Len(t, got, 1)
	require.Equal(t, []uint64{2, 2, 2}, got[0].Buckets)
	require.Equal(t, uint64(6), got[0].Count)
}

func TestExemplarsAreToldOnceTheLatestOfEachBucket(t *testing.T) {
	h := NewHistogram([]float64{1}, Limits{Points: 1})
	c := NewCounter(Limits{Points: 1})
	for i, v := range []float64{0.5, 5, 0.7} {
		e := &Exemplar{Time: at(i), Value: v, TraceID: [16]byte{byte(i + 1)}}
		h.Observe(at(i), Labels{}, v, e)
		c.Add(at(i), Labels{}, 1, e)
	}
	h.Observe(at(9), Labels{}, 0.1, &Exemplar{Value: 0.1}) // no trace, no exemplar
	first := slices.Collect(h.Collect(at(10)))[0]
	require.Len(t, first.Exemplars, 2)
	require.Equal(t, []float64{0.7, 5}, []float64{first.Exemplars[0].Value, first.Exemplars[1].Value})
	require.Empty(t, slices.Collect(h.Collect(at(10)))[0].Exemplars)
	require.Equal(t, at(2), slices.Collect(c.Collect(at(10)))[0].Exemplar.Time)
	require.Nil(t, slices.Collect(c.Collect(at(10)))[0].Exemplar)
}

func TestLabelsAreValidAndBounded(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	fit := func(l Labels) Labels {
		fitted, _ := l.fitted()
		return fitted
	}
	got := fit(Labels{long, "a\xffb", "ok"})
	require.Equal(t, Labels{strings.Repeat("é", MaxLabelBytes/2), "a\uFFFDb", "ok"}, got)
	// Continuation bytes without a start are no reason to look on for ever, and what
	// fits once fits.
	for _, hostile := range []string{strings.Repeat("\x80", 4<<10), strings.Repeat("a\x80", 4<<10), "\xff" + long, long[:255] + "\xff"} {
		got := fit(Labels{hostile})
		require.LessOrEqual(t, len(got[0]), MaxLabelBytes)
		require.Equal(t, got, fit(got))
	}
	c := NewCounter(Limits{Points: 9})
	for range 2 {
		c.Add(at(0), Labels{long, "a\xffb"}, 1, nil)
	}
	require.Equal(t, []CounterPoint{
		{Labels: Labels{strings.Repeat("é", MaxLabelBytes/2), "a\uFFFDb"}, Start: at(0), Value: 2},
	}, slices.Collect(c.Collect(at(0))))
}

func BenchmarkAddKnown(b *testing.B) {
	c := NewCounter(Limits{Points: 10, TTL: time.Hour})
	labels := Labels{"planner", "search_flights", "success", ""}
	b.ReportAllocs()
	for b.Loop() {
		c.Add(start, labels, 1, nil)
	}
}

func BenchmarkObserveKnown(b *testing.B) {
	h := NewHistogram([]float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120}, Limits{Points: 10, TTL: time.Hour})
	labels := Labels{"planner", "search_flights"}
	b.ReportAllocs()
	for b.Loop() {
		h.Observe(start, labels, 0.3, nil)
	}
}

func TestGaugeTellsZeroOfWhatIsGoneUntilItIsForgotten(t *testing.T) {
	g := NewGauge(Limits{Points: 2, TTL: time.Minute})
	for _, name := range []string{"a", "b", "c", "c"} {
		g.Add(at(0), Labels{name}, 1)
	}
	require.Equal(t, []GaugePoint{
		{Labels: Labels{"a"}, Value: 1}, {Labels: Labels{"b"}, Value: 1}, {Overflow: true, Value: 2},
	}, slices.Collect(g.Collect(at(1))))
	g.Add(at(30), Labels{"a"}, 3)
	require.Equal(t, []GaugePoint{{Labels: Labels{"b"}}, {Labels: Labels{"a"}, Value: 3}, {Overflow: true}},
		slices.Collect(g.Collect(at(31))))
	require.Equal(t, []GaugePoint{{Labels: Labels{"a"}}, {Overflow: true}}, slices.Collect(g.Collect(at(61))))
	require.Equal(t, uint64(2), g.Refused())
}
