package detect

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type step struct {
	start, at int // seconds; start 0 is unknown
	sum       float64
	count     uint64
	rate      float64
	want      Outcome
}

func run(t *testing.T, take func(Point) (Change, Outcome), steps []step) {
	t.Helper()
	for i, s := range steps {
		p := Point{Time: time.Unix(int64(s.at), 0), Sum: s.sum, Count: s.count}
		if s.start > 0 {
			p.Start = time.Unix(int64(s.start), 0)
		}
		c, o := take(p)
		require.Equal(t, s.want, o, "step %d", i)
		if o == Accepted {
			require.Equal(t, s.rate, c.Rate(), "step %d", i)
		} else {
			require.Zero(t, c, "step %d", i)
		}
	}
}

func TestCumulativeCounter(t *testing.T) {
	for name, steps := range map[string][]step{
		"grows": {
			{at: 10, sum: 100, want: First},
			{at: 20, sum: 150, rate: 5},
			{at: 22, sum: 150, rate: 0},
			{at: 23, sum: 151, rate: 1},
		},
		"fell": {
			{at: 10, sum: 100, want: First},
			{at: 20, sum: 3, want: Reset},
			{at: 30, sum: 13, rate: 1},
		},
		"restarted and passed the old value": {
			{start: 1, at: 10, sum: 100, want: First},
			{start: 15, at: 20, sum: 400, want: Reset},
			{start: 15, at: 30, sum: 410, rate: 1},
		},
		"start that wavers is no reset": {
			{start: 5, at: 10, sum: 100, want: First},
			{start: 6, at: 20, sum: 110, rate: 1},
			{start: 20, at: 30, sum: 120, rate: 1},
		},
		"refused points leave no trace": {
			{at: 10, sum: 100, want: First},
			{at: 10, sum: 1, want: Duplicate},
			{at: 9, sum: 1, want: OutOfOrder},
			{at: 15, sum: math.NaN(), want: NotFinite},
			{at: 16, sum: math.Inf(1), want: NotFinite},
			{at: 20, sum: 110, rate: 1},
		},
		"histogram of negative values": {
			{at: 10, sum: -5, count: 2, want: First},
			{at: 20, sum: -25, count: 4, rate: -2},
			{at: 30, sum: -1, count: 1, want: Reset},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counter
			run(t, c.Cumulative, steps)
		})
	}
}

func TestDeltaCounter(t *testing.T) {
	for name, steps := range map[string][]step{
		"with a start, the first point tells": {
			{start: 10, at: 20, sum: 50, rate: 5},
			{start: 30, at: 40, sum: 20, rate: 2},
		},
		"without a start, the point before is one": {
			{at: 10, sum: 50, want: First},
			{at: 20, sum: 50, rate: 5},
		},
		"a start after the point is none": {
			{start: 11, at: 10, sum: 50, want: First},
			{start: 20, at: 20, sum: 50, rate: 5},
		},
		"refused points leave no trace": {
			{start: 10, at: 20, sum: 50, rate: 5},
			{start: 10, at: 20, sum: 60, want: Duplicate},
			{start: 10, at: 19, sum: 60, want: OutOfOrder},
			{start: 20, at: 30, sum: math.NaN(), want: NotFinite},
			{at: 40, sum: 60, rate: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counter
			run(t, c.Delta, steps)
		})
	}
}

func TestMeanOfAChange(t *testing.T) {
	var c Counter
	c.Cumulative(Point{Time: at(0), Sum: 10, Count: 10})
	change, o := c.Cumulative(Point{Time: at(1), Sum: 16, Count: 13})
	require.Equal(t, Accepted, o)
	require.Equal(t, 2.0, change.Mean())
	change, _ = c.Cumulative(Point{Time: at(2), Sum: 16, Count: 13})
	require.True(t, math.IsNaN(change.Mean()))
}
