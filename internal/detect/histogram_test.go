package detect

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// whole checks what must hold of every histogram.
func whole(t *testing.T, h *histogram) {
	t.Helper()
	sum := 0
	for _, c := range h.counts {
		sum += int(c)
	}
	require.Equal(t, int(h.total), sum)
	if h.total > 0 {
		require.True(t, finite(h.low) && finite(h.low+bins*h.width), "range of %v from %v", h.width*bins, h.low)
		require.Positive(t, h.width)
	}
}

func TestSurpriseIsTheLogarithmOfRarity(t *testing.T) {
	h := histogram{low: 0, width: 1, total: 1000, scaled: true, counts: [bins]uint16{0: 980, 10: 9, 11: 1, 20: 10}}
	require.InDelta(t, math.Log10(1000/980.5), h.surprise(0.5), 1e-12)
	require.InDelta(t, math.Log10(1000/10.0), h.surprise(10.5), 1e-12, "9, half of the neighbour's 1, and a half")
	require.InDelta(t, math.Log10(1000/0.5), h.surprise(31.9), 1e-12)
	require.InDelta(t, math.Log10(1000/0.5)+distanceWeight, h.surprise(64), 1e-12, "one range beyond the end")
	require.InDelta(t, math.Log10(1000/0.5)+distanceWeight*2, h.surprise(-96), 1e-12, "three ranges before the start")
}

func TestStretchKeepsTheCountsInTheirPlaces(t *testing.T) {
	h := histogram{low: 0, width: 1, total: 320}
	for i := range h.counts {
		h.counts[i] = 10
	}
	h.rebin(0, 64)
	want := [bins]uint16{}
	for i := range bins / 2 {
		want[i] = 20
	}
	require.Equal(t, want, h.counts)
	h.rebin(-64, 64)
	want = [bins]uint16{}
	for i := range bins / 4 {
		want[bins/2+i] = 40
	}
	require.Equal(t, want, h.counts)
	require.Equal(t, 4.0, h.width)
}

func TestOneValueStretchesARangeOnlySoFar(t *testing.T) {
	var h histogram
	h.learn(0, 0, 0, true)
	h.learn(10, 0, 0, true)
	require.InDelta(t, 12, h.low+bins*h.width, 1e-9, "what never moved has no scale to go by")
	h.learn(1e9, 0, 0, true)
	require.InDelta(t, 12*growth*(1+margin), h.low+bins*h.width, 1e-6)
	whole(t, &h)
}

func TestWhatHappenedOnceIsForgotten(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var h histogram
	for range 100 {
		h.learn(r.Float64(), 0, 0, false)
	}
	h.learn(1000, 0, 0, false)
	require.Equal(t, h.bin(0.1), h.bin(0.9), "the outlier made the bins coarse")
	for range memory {
		h.learn(r.Float64(), 0, 0, false)
	}
	require.NotEqual(t, h.bin(0.1), h.bin(0.9))
	require.Positive(t, h.distance(1000))
	whole(t, &h)
}

func TestARangeNeverShrinksBelowTheFloor(t *testing.T) {
	var h histogram
	h.learn(1, 0.5, 0, false)
	h.learn(100, 0.5, 0, false)
	for range 20 * memory {
		h.learn(1, 0.5, 0, false)
	}
	require.InDelta(t, 0.5, h.width*bins, 1e-9)
	require.Zero(t, h.distance(1.2))
	whole(t, &h)
}
