package main

import (
	"strings"
	"testing"
)

func TestARowSaysWhetherTheGoalIsMet(t *testing.T) {
	for _, c := range []struct {
		ours, theirs []float64
		goal         float64
		want         string
	}{
		{[]float64{2, 1, 3}, []float64{100, 90, 110}, 50, "| what | 2.0 B (1.0 to 3.0) | 100.0 B (90.0 to 110.0) | 1/50 | 1/50: met |\n"},
		{[]float64{2.1}, []float64{100}, 50, "| what | 2.1 B (2.1 to 2.1) | 100.0 B (100.0 to 100.0) | 1/47.6 | 1/50: **missed** |\n"},
		{[]float64{2}, []float64{100}, 0, "| what | 2.0 B (2.0 to 2.0) | 100.0 B (100.0 to 100.0) | 1/50 |  |\n"},
		{[]float64{-1}, []float64{100}, 4, "| what | -1.0 B (-1.0 to -1.0) | 100.0 B (100.0 to 100.0) | under noise | 1/4: met |\n"},
	} {
		var b strings.Builder
		table{&b}.row("what", "B", 1, c.ours, c.theirs, c.goal)
		if b.String() != c.want {
			t.Errorf("%v and %v:\n got %q\nwant %q", c.ours, c.theirs, b.String(), c.want)
		}
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Error(got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Error(got)
	}
}
