package prometheus

import (
	"slices"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// level gives two histograms the bounds that both have. What is counted up to
// such a bound stays what it was; buckets in between go up into the next.
func level(a, b *expo.Sample) {
	if slices.Equal(a.Bounds, b.Bounds) {
		return
	}
	var common []float64
	for _, bound := range a.Bounds {
		if _, both := slices.BinarySearch(b.Bounds, bound); both {
			common = append(common, bound)
		}
	}
	for _, s := range []*expo.Sample{a, b} {
		merged := make([]uint64, len(common)+1)
		for i, n := range s.Buckets {
			to := len(common)
			if i < len(s.Bounds) {
				to, _ = slices.BinarySearch(common, s.Bounds[i])
			}
			merged[to] += n
		}
		s.Bounds, s.Buckets = slices.Clone(common), merged
	}
}
