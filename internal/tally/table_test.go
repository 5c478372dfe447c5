package tally

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTableDoesWhatAMapDoes compares a counter with plain maps over comings and
// goings: growth, expiry, places used again and refusals.
func TestTableDoesWhatAMapDoes(t *testing.T) {
	const points, ttl = 200, 60
	random := rand.New(rand.NewPCG(1, 2))
	c := NewCounter(Limits{Points: points, TTL: ttl * time.Second})
	values, seen := make(map[Labels]float64), make(map[Labels]int)
	overflow, refused := 0.0, uint64(0)
	expire := func(now int) {
		for l, s := range seen {
			if now-s >= ttl {
				delete(values, l)
				delete(seen, l)
			}
		}
	}
	for now := range 600 {
		for range 20 {
			n := strconv.Itoa(random.IntN(100 + 3*now%900))
			l := Labels{n, "x" + n}
			_, known := values[l]
			if !known && len(values) >= points {
				expire(now)
			}
			if !known && len(values) >= points {
				overflow++
				refused++
			} else {
				// What is too old and was not swept is still the same point.
				values[l]++
				seen[l] = now
			}
			c.Add(at(now), l, 1, nil)
		}
		if now%7 != 0 {
			continue
		}
		expire(now)
		got, last := make(map[Labels]float64), 0
		for p := range c.Collect(at(now)) {
			if p.Overflow {
				require.Equal(t, overflow, p.Value)
				continue
			}
			require.GreaterOrEqual(t, seen[p.Labels], last, "by the last addition")
			last = seen[p.Labels]
			got[p.Labels] = p.Value
		}
		require.Equal(t, values, got, "at %d", now)
		require.Equal(t, len(values), c.Len())
	}
	require.Equal(t, refused, c.Refused())
	require.NotZero(t, refused)
}

// TestBucketsOfAPlaceThatIsUsedAgainBeginAtZero is about memory that points share.
func TestBucketsOfAPlaceThatIsUsedAgainBeginAtZero(t *testing.T) {
	h := NewHistogram([]float64{1}, Limits{Points: 130, TTL: time.Minute})
	for i := range 130 {
		h.Observe(at(0), Labels{strconv.Itoa(i)}, 2, nil)
	}
	for i := range 130 {
		h.Observe(at(60), Labels{"again", strconv.Itoa(i)}, 0.5, nil)
	}
	n := 0
	for p := range h.Collect(at(60)) {
		n++
		require.Equal(t, HistogramPoint{Labels: p.Labels, Start: at(60), Sum: 0.5, Count: 1, Buckets: []uint64{1, 0}}, p)
	}
	require.Equal(t, 130, n)
	require.Zero(t, h.Refused())
}
