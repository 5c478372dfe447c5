package proctable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable/proctabletest"
)

func TestNothingButStartTimesFollowsTheWallClock(t *testing.T) {
	tree := proctabletest.New(t)
	p := proctabletest.Process{Start: 90000}
	tree.Set(7, p)
	table := open(t, tree.Root)
	snapshot(t, table)
	uptime, boot := 1000.0, int64(1_700_000_000)
	var step time.Duration
	table.clock.wall = func() time.Time { return time.Now().Add(step) }
	for _, by := range []time.Duration{0, time.Hour, -time.Hour, 10 * 365 * 24 * time.Hour, 3 * time.Second, 0, 100 * time.Millisecond} {
		step = by
		uptime += 5
		p.User += 100
		tree.Set(7, p)
		tree.Uptime(uptime)
		tree.BootTime(boot + int64(by/time.Second))
		got, elapsed := snapshot(t, table)
		require.Equal(t, 5*time.Second, elapsed)
		require.Equal(t, ID{7, 90000}, got[7].ID)
		require.Equal(t, time.Second, got[7].CPUUsed)
		require.Equal(t, time.Unix(boot+900, 0).Add(by.Truncate(time.Second)), table.StartTime(got[7].ID), "after a step by %v", by)
	}
}

func TestStartTimesStayTheSameWhileNobodySetsTheClock(t *testing.T) {
	tree := proctabletest.New(t)
	table := open(t, tree.Root)
	tree.BootTime(1_700_000_001) // the kernel's own figure flickers by a second
	snapshot(t, table)
	require.Equal(t, time.Unix(1_700_000_000, 0), table.StartTime(ID{}))
}

func TestUnreadableBootTimeLeavesTheKnownOne(t *testing.T) {
	tree := proctabletest.New(t)
	table := open(t, tree.Root)
	tree.Write("proc/stat", "broken")
	table.clock.wall = func() time.Time { return time.Now().Add(time.Hour) }
	snapshot(t, table)
	require.Equal(t, time.Unix(1_700_000_000, 0), table.StartTime(ID{}))
	tree.BootTime(1_700_003_600)
	snapshot(t, table)
	require.Equal(t, time.Unix(1_700_003_600, 0), table.StartTime(ID{}))
}

func TestBootClockIsThatOfTheProcesses(t *testing.T) {
	table := open(t, "/")
	before, err := table.clock.sinceBoot()
	require.NoError(t, err)
	pids := sleepers(t, 1)
	after, err := table.clock.sinceBoot()
	require.NoError(t, err)
	for pid := range pids {
		started := duration(idOf(t, pid).Start)
		require.GreaterOrEqual(t, started, before.Truncate(tick))
		require.LessOrEqual(t, started, after)
	}
}
