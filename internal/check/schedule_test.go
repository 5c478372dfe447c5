package check

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChecksAreSpreadOverTheInterval(t *testing.T) {
	const interval = 10 * time.Second
	var quarters [4]int
	for i := range 400 {
		s := newSchedule(fmt.Sprintf("tool server %d", i), interval)
		require.Less(t, s.first, firstWithin)
		require.GreaterOrEqual(t, s.grid-s.first, interval/2)
		require.Less(t, s.grid-s.first, interval*3/2)
		quarters[int(s.grid%interval*4/interval)]++
	}
	for _, n := range quarters {
		require.InDelta(t, 100, n, 30)
	}
	require.Equal(t, newSchedule("db", interval), newSchedule("db", interval))
}

func TestShortIntervalsStartWithinTheInterval(t *testing.T) {
	for i := range 100 {
		require.Less(t, newSchedule(fmt.Sprint(i), 50*time.Millisecond).first, 50*time.Millisecond)
	}
}

func TestNextRunIsOnTheGridAfterNow(t *testing.T) {
	s := schedule{first: 1, grid: 12, interval: 10}
	for _, tc := range []struct {
		due, now, at time.Duration
		skipped      uint64
	}{
		{1, 1, 12, 0},
		{1, 11, 12, 0},
		{1, 12, 22, 1},
		{12, 13, 22, 0},
		{12, 21, 22, 0},
		{12, 22, 32, 1},
		{12, 57, 62, 4},
	} {
		at, skipped := s.next(tc.due, tc.now)
		require.Equal(t, tc.at, at, "due %d now %d", tc.due, tc.now)
		require.Equal(t, tc.skipped, skipped, "due %d now %d", tc.due, tc.now)
	}
}
