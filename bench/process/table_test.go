package main

import "testing"

func TestMedianIsTheMiddle(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{7, 1, 3}, 3}, {[]float64{4, 1, 3, 100}, 3.5}} {
		first := c.of[0]
		if got := median(c.of); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.of, got, c.want)
		}
		if c.of[0] != first {
			t.Errorf("median has sorted its argument: %v", c.of)
		}
	}
}

func TestRatiosReadAsPartsOfOne(t *testing.T) {
	for v, want := range map[float64]string{
		-0.1: "under noise", 0: "under noise", 0.001: "1/1000", 0.0651: "1/15.4", 0.1: "1/10", 0.14: "1/7.14", 0.5: "1/2", 0.9: "0.90", 1.35: "1.35",
	} {
		if got := fraction(v); got != want {
			t.Errorf("%v reads %q, want %q", v, got, want)
		}
	}
}
