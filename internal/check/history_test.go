package check

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheHistoryKeepsTheLastRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := started(t, Settings{HistorySize: 25}, named("db", answering(degraded, refused, healthy)))
		until(21 * time.Second)
		runs := e.History("db")
		require.Len(t, runs, len(e.Snapshots()[0].Runs))
		require.Equal(t, Assertion, runs[0].ErrorType)
		require.Equal(t, Degraded, runs[0].State)
		require.Equal(t, Refused, runs[1].ErrorType)
		require.Equal(t, time.Now().Truncate(time.Minute), runs[1].Time.Truncate(time.Minute))
		until(10 * time.Minute)
		runs = e.History("db")
		require.Len(t, runs, 25)
		require.Equal(t, 240*time.Second, runs[24].Time.Sub(runs[0].Time))
		require.Nil(t, e.History("other"))
	})
}

func TestARunIsKeptInFewBytes(t *testing.T) {
	v := verdict{state: Unhealthy, errorType: Internal, duration: 12345 * time.Microsecond}
	require.Equal(t, Run{Time: began, Duration: 12300 * time.Microsecond, State: Unhealthy, ErrorType: Internal}, keep(v, began).run())
	require.Equal(t, Run{Time: began, State: Healthy}, keep(verdict{state: Healthy, duration: -1}, began).run())
	require.Equal(t, 429496729500*time.Microsecond, keep(verdict{duration: 1 << 62}, began).run().Duration)
}

func TestARingKeepsTheLastInOrder(t *testing.T) {
	r := newRing[int](3)
	require.Empty(t, r.list())
	for i := range 5 {
		r.add(i)
	}
	require.Equal(t, []int{2, 3, 4}, r.list())
	require.Equal(t, 3, r.at(1))
	r.fill([]int{7, 8, 9, 10})
	require.Equal(t, []int{8, 9, 10}, r.list())
	r.add(11)
	require.Equal(t, []int{9, 10, 11}, r.list())
}

func TestAvailabilityIsWeightedByTime(t *testing.T) {
	u := newUptime(time.Minute)
	at := began.Truncate(time.Hour)
	require.Nil(t, u.over(at))
	add := func(s State, after time.Duration) {
		at = at.Add(after)
		u.add(s, at)
	}
	add(Healthy, 0)
	add(Unhealthy, time.Minute)   // a minute well
	add(Degraded, 30*time.Second) // half a minute not
	add(Unknown, 90*time.Second)  // a minute and a half well
	add(Healthy, time.Hour)       // nothing known
	add(Healthy, time.Hour)       // two minutes well, and nothing known
	require.Equal(t, []Availability{{time.Hour, 1}, {24 * time.Hour, 4.5 / 5}}, u.over(at))
	require.Nil(t, u.over(at.Add(25*time.Hour)))
}

func TestAvailabilityTakesItsShareOfTheOldestSlice(t *testing.T) {
	u := newUptime(time.Hour)
	at := began.Truncate(24 * time.Hour)
	u.add(Unhealthy, at)
	u.add(Healthy, at.Add(30*time.Minute))
	u.add(Healthy, at.Add(62*time.Minute))
	got := u.over(at.Add(62 * time.Minute))
	require.InDelta(t, 32.0/60, got[0].Share, 1e-12)
	require.InDelta(t, 32.0/62, got[1].Share, 1e-12)
	require.Equal(t, []Availability{{24 * time.Hour, 32.0 / 62}}, u.over(at.Add(3*time.Hour)))
}

func TestAvailabilityForgetsAfterADay(t *testing.T) {
	u := newUptime(15 * time.Second)
	at := began
	for i := range 4 * 60 * 24 * 3 {
		at = at.Add(15 * time.Second)
		s := Healthy
		if i < 4*60*24 {
			s = Unhealthy
		}
		u.add(s, at)
	}
	require.Equal(t, []Availability{{time.Hour, 1}, {24 * time.Hour, 1}}, u.over(at))
}

func TestPatterns(t *testing.T) {
	at := func(day, hour, minute int) int64 {
		return time.Date(2026, time.March, day, hour, minute, 7, 0, time.UTC).Unix()
	}
	hourly := []int64{at(1, 0, 31), at(1, 1, 30), at(1, 1, 35), at(1, 3, 32), at(1, 4, 30)}
	nightly := []int64{at(1, 3, 0), at(2, 3, 20), at(3, 2, 50), at(4, 3, 40)}
	require.True(t, periodic(hourly, time.Hour))
	require.False(t, periodic(hourly[:4], time.Hour), "three are too few")
	require.True(t, periodic(nightly, 24*time.Hour))
	require.False(t, periodic(nightly, time.Hour))
	require.False(t, periodic([]int64{at(1, 3, 0), at(1, 4, 13), at(1, 5, 27), at(1, 6, 44), at(1, 8, 1)}, time.Hour))
	var often []int64
	for i := range 60 {
		often = append(often, at(1, 0, 0)+int64(i)*300)
	}
	require.False(t, periodic(often, time.Hour))
	require.False(t, periodic(often, 24*time.Hour))
}

func TestTheTransitionNamesThePattern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Pattern
		good := true
		flapper := &probeFunc{run: ask(func() Result {
			if good = !good; good {
				return healthy
			}
			return refused
		})}
		started(t, Settings{OnTransition: func(tr Transition) { told = append(told, tr.Pattern) }}, named("db", flapper))
		until(2 * time.Minute)
		require.Equal(t, []Pattern{"", "", "", "", "", "", Flapping, Flapping}, told[:8])
	})
}
