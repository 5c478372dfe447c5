package detect

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLatch(t *testing.T) {
	s := Levels{Enter: 0.6, EnterPoints: 2, Leave: 0.3, LeavePoints: 3}
	for name, steps := range map[string]struct {
		scores  []float64
		active  string // a digit a score
		entries int
	}{
		"one high score is not enough": {[]float64{0.9, 0, 0.9, 0.5, 0.9}, "00000", 0},
		"enough in a row enter":        {[]float64{0.6, 0.6, 0.6}, "011", 1},
		"between the levels it stays":  {[]float64{0.7, 0.7, 0.3, 0.5, 0.3, 0.3}, "011111", 1},
		"enough in a row leave":        {[]float64{0.7, 0.7, 0.2, 0.2, 0.2, 0.2}, "011100", 1},
		"a break starts over":          {[]float64{0.7, 0.7, 0.2, 0.2, 0.3, 0.2, 0.2, 0.2}, "01111110", 1},
		"again":                        {[]float64{0.7, 0.7, 0, 0, 0, 0.7, 0.7}, "0111001", 2},
	} {
		t.Run(name, func(t *testing.T) {
			var l Latch
			entries, active := 0, ""
			for _, score := range steps.scores {
				if l.Observe(s, score) {
					entries++
				}
				active += map[bool]string{false: "0", true: "1"}[l.Active()]
			}
			require.Equal(t, steps.active, active)
			require.Equal(t, steps.entries, entries)
		})
	}
}
