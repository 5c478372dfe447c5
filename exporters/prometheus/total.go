package prometheus

import (
	"slices"

	"github.com/watchkeeper/watchkeeper/internal/expo"
)

// accumulate adds a delta to the total and puts the total in its place.
func (st *stream) accumulate(s *expo.Sample) {
	if st.total == nil {
		st.total = &expo.Sample{Created: s.Created}
	}
	add(st.total, s)
	exemplars, at := s.Exemplars, s.Time
	bounds, buckets := s.Bounds, s.Buckets
	*s = *st.total
	s.Exemplars, s.Time = exemplars, at
	// The total keeps its memory, and the sample the one that it is made in.
	s.Bounds, s.Buckets = append(bounds[:0], s.Bounds...), append(buckets[:0], s.Buckets...)
}

// add adds counts and sums to a total. Buckets of other bounds than before start
// the total anew, which Prometheus sees as a reset.
func add(t, s *expo.Sample) {
	if !slices.Equal(t.Bounds, s.Bounds) || len(t.Buckets) != len(s.Buckets) || t.Native == nil != (s.Native == nil) {
		created := t.Created
		if t.Count > 0 {
			created = s.Created
		}
		*t = expo.Sample{Created: created, Bounds: slices.Clone(s.Bounds), Buckets: make([]uint64, len(s.Buckets))}
		if s.Native != nil {
			t.Native = &expo.Native{Scale: s.Native.Scale, ZeroThreshold: s.Native.ZeroThreshold}
		}
	}
	t.Value += s.Value
	t.Count += s.Count
	t.Sum += s.Sum
	t.NoSum = t.NoSum || s.NoSum
	for i, n := range s.Buckets {
		t.Buckets[i] += n
	}
	if s.Native != nil {
		t.Native.Add(s.Native)
	}
}
