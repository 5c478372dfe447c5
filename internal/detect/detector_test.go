package detect

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// strict is the threshold that operations use by default.
const strict = 0.62

var levels = Levels{Enter: strict, EnterPoints: 1, Leave: strict / 2, LeavePoints: 5}

func at(i int) time.Time { return time.Unix(1_700_000_000+int64(i), 0) }

// A series makes the value of point i.
type series func(r *rand.Rand, i int) float64

func constant(v float64) series { return func(*rand.Rand, int) float64 { return v } }

func gauss(r *rand.Rand, _ int) float64 { return 50 + r.NormFloat64() }

// jiffies is the CPU usage in percent of a process that is woken now and then, as
// the kernel counts it: whole ticks of 10 ms over an interval that is not exact.
func jiffies(probability, interval float64) series {
	return func(r *rand.Rand, _ int) float64 {
		ticks := 0
		for r.Float64() < probability {
			ticks++
		}
		return float64(ticks) / (interval * (1 + 0.02*r.NormFloat64()))
	}
}

func learned(s Settings, n int, make series, r *rand.Rand) Detector {
	d := New(s)
	for i := range n {
		d.Observe(at(i), make(r, i))
	}
	return d
}

func TestNothingIsScoredDuringTheWarmUp(t *testing.T) {
	d := New(Settings{WarmUp: 30})
	for i := range 30 {
		require.Equal(t, Score{}, d.Observe(at(i), math.Pow(-10, float64(i))))
	}
	require.True(t, d.Observe(at(30), 0).Warm)
}

func TestFirstMoveOfAConstantSeriesIsFlagged(t *testing.T) {
	for _, n := range []int{30, 100, 1000, 10_000} {
		for _, from := range []float64{0, 5, -3, 1e-30, 1e15, -1e290, 0.1 + 0.2} {
			for _, by := range []float64{1e-4, -0.01, 1, 1e6} {
				d := learned(Settings{WarmUp: 30}, n, constant(from), nil)
				require.Zero(t, d.Observe(at(n), from).Value)
				to := from + by*math.Abs(from)
				if from == 0 {
					to = by
				}
				s := d.Observe(at(n+1), to).Value
				require.True(t, s >= strict && s < 0.72, "%g to %g after %d points: %v", from, to, n, s)
			}
		}
	}
}

func TestRoundingErrorsAreNoMove(t *testing.T) {
	d := learned(Settings{WarmUp: 30}, 1000, constant(0.3), nil)
	require.Zero(t, d.Observe(at(1000), 0.1+0.2).Value)
}

func TestMoveWithinTheFloorIsNoGreatNews(t *testing.T) {
	for _, n := range []int{30, 100, 1000, 10_000} {
		d := learned(Settings{WarmUp: 30, Floor: 5}, n, constant(0), nil)
		require.Less(t, d.Observe(at(n), 2).Value, strict)
	}
}

// The rates are those of 100 seeds of 3,000 points each.
func TestFalseAlarmsOnSteadyNoise(t *testing.T) {
	for name, c := range map[string]struct {
		series series
		floor  float64
		// loose and strict are alarms at 0.51 and at the default threshold.
		loose, strict float64
	}{
		"normal":       {gauss, 0, 3.5, 0},
		"exponential":  {func(r *rand.Rand, _ int) float64 { return r.ExpFloat64() }, 0, 5, 0},
		"log-normal":   {func(r *rand.Rand, _ int) float64 { return math.Exp(r.NormFloat64()) }, 0, 6.5, 0.05},
		"ramp":         {func(r *rand.Rand, i int) float64 { return float64(i) + r.Float64() }, 0, 6, 0},
		"daily wave":   {func(r *rand.Rand, i int) float64 { return 10*math.Sin(float64(i)/80) + r.NormFloat64() }, 0, 4, 0},
		"idle process": {jiffies(0.005, 0.5), 5, 1, 0},
		"calm process": {jiffies(0.05, 1), 5, 2, 0},
		"busy process": {jiffies(0.3, 0.5), 5, 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var loose, tight int
			for seed := range uint64(100) {
				r := rand.New(rand.NewPCG(seed, 7))
				d := New(Settings{WarmUp: 30, Floor: c.floor})
				for i := range 3000 {
					s := d.Observe(at(i), c.series(r, i)).Value
					if s >= 0.51 {
						loose++
					}
					if s >= strict {
						tight++
					}
				}
			}
			require.LessOrEqual(t, float64(loose)/300, c.loose, "a thousand points, at 0.51")
			require.LessOrEqual(t, float64(tight)/300, c.strict, "a thousand points, at %v", strict)
		})
	}
}

func TestProcessThatBurnsACoreIsFlaggedAtOnce(t *testing.T) {
	for name, idle := range map[string]series{
		"constant zero":        constant(0),
		"rarely a tick at 1 s": jiffies(0.05, 1),
		"often a tick at 1 s":  jiffies(0.3, 1),
		"often a tick at .5 s": jiffies(0.3, 0.5),
	} {
		for _, n := range []int{30, 60, 120, 1000, 20_000} {
			for seed := range uint64(20) {
				r := rand.New(rand.NewPCG(seed, 7))
				d := learned(Settings{WarmUp: 30, Floor: 5}, n, idle, r)
				require.GreaterOrEqual(t, d.Observe(at(n), 98+r.NormFloat64()).Value, strict, "%s, %d points, seed %d", name, n, seed)
			}
		}
	}
}

func TestTheFartherTheStranger(t *testing.T) {
	before := 0.0
	for _, v := range []float64{60, 70, 100, 1000, 1e6, 1e12} {
		d := learned(Settings{WarmUp: 30}, 1000, gauss, rand.New(rand.NewPCG(1, 2)))
		s := d.Observe(at(1000), v).Value
		require.Greater(t, s, before)
		before = s
	}
	require.Less(t, before, 1.0)
}

func TestRefusedPointsLeaveNoTrace(t *testing.T) {
	d := learned(Settings{WarmUp: 30}, 100, gauss, rand.New(rand.NewPCG(1, 2)))
	clean := d
	for _, c := range []struct {
		at    int
		value float64
		want  Outcome
	}{
		{100, math.NaN(), NotFinite},
		{100, math.Inf(1), NotFinite},
		{100, math.Inf(-1), NotFinite},
		{99, 50, Duplicate},
		{99, math.NaN(), Duplicate},
		{98, 50, OutOfOrder},
		{-1000, 1e9, OutOfOrder},
	} {
		require.Equal(t, Score{Warm: true, Outcome: c.want}, d.Observe(at(c.at), c.value))
	}
	require.Equal(t, clean, d)
}

func TestVerdictsRecoverFromAnAbsurdValueWithinTenPoints(t *testing.T) {
	for name, s := range map[string]series{"normal": gauss, "constant": constant(7), "busy": jiffies(0.3, 0.5)} {
		for _, absurd := range []float64{math.MaxFloat64, -math.MaxFloat64, 1e12} {
			r := rand.New(rand.NewPCG(3, 4))
			d := learned(Settings{WarmUp: 30, Floor: 0.5}, 500, s, r)
			var l Latch
			require.True(t, l.Observe(levels, d.Observe(at(500), absurd).Value))
			for i := 501; i <= 510; i++ {
				l.Observe(levels, d.Observe(at(i), s(r, i)).Value)
			}
			for i := 511; i < 3000; i++ {
				l.Observe(levels, d.Observe(at(i), s(r, i)).Value)
				require.False(t, l.Active(), "%s, %d points after %g", name, i-500, absurd)
			}
		}
	}
}

func TestAnAbsurdValueDoesNotBlind(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := learned(Settings{WarmUp: 30}, 500, gauss, r)
	d.Observe(at(500), 1e308)
	for i := 501; i < 600; i++ {
		d.Observe(at(i), gauss(r, i))
	}
	before := d.difference.bin(0)
	require.NotEqual(t, d.value.bin(45), d.value.bin(57), "one bin holds all that is usual")
	require.Equal(t, before, d.difference.bin(0.1))
}

func TestALevelThatStaysBecomesNormal(t *testing.T) {
	for _, c := range []struct{ history, atMost int }{
		{60, 60}, {500, 100}, {2000, 180}, {20_000, 300}, {100_000, 300},
	} {
		for seed := range uint64(100) {
			r := rand.New(rand.NewPCG(seed, 7))
			d := learned(Settings{WarmUp: 30}, c.history, gauss, r)
			var l Latch
			n := 0
			for active := true; active; n++ {
				l.Observe(levels, d.Observe(at(c.history+n), 40+gauss(r, n)).Value)
				active = l.Active()
			}
			require.Greater(t, n, levels.LeavePoints)
			require.LessOrEqual(t, n, c.atMost, "points after %d, seed %d", c.history, seed)
		}
	}
}

func TestADetectorIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Detector{}), uintptr(256))
}

func TestStateStaysFiniteForAnyMixOfMagnitudes(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 11))
		d := New(Settings{WarmUp: 30, Floor: float64(seed%2) * 5})
		scale := 1.0
		for i := range 30_000 { // longer than the memory
			if r.IntN(2000) == 0 {
				scale = math.Pow(10, 616*r.Float64()-308)
			}
			v := scale * r.NormFloat64()
			if r.IntN(1000) == 0 {
				v = math.Pow(-10, float64(r.IntN(616)-308))
			}
			s := d.Observe(at(i), v)
			if !(s.Value >= 0 && s.Value < 1) || i%512 == 0 || i%4096 == 1 {
				require.True(t, s.Value >= 0 && s.Value < 1, "score %v of %g", s.Value, v)
				whole(t, &d.value)
				whole(t, &d.difference)
			}
		}
	}
}

func FuzzObserveStaysFinite(f *testing.F) {
	seed := func(values ...float64) {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		f.Add(b, 0.0)
	}
	seed(1, 1, 1, 1, 2, math.MaxFloat64, -math.MaxFloat64, 1, 0, 5e-324)
	seed(0, 0, 0, 0, 0, 5e-324, -5e-324, 1e-300, 1e300, 0, 0)
	seed(1e15, 1e15+1, 1e15+2, math.NaN(), math.Inf(1), 1e15)
	f.Fuzz(func(t *testing.T, raw []byte, floor float64) {
		if !(floor >= 0 && floor <= 1e300) {
			floor = 1
		}
		d := New(Settings{WarmUp: 4, Floor: floor})
		for i := 0; len(raw) >= 8; i++ {
			s := d.Observe(at(i), math.Float64frombits(binary.LittleEndian.Uint64(raw)))
			raw = raw[8:]
			require.True(t, s.Value >= 0 && s.Value < 1, "score %v", s.Value)
			whole(t, &d.value)
			whole(t, &d.difference)
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 1<<14)
	for i := range values {
		values[i] = gauss(r, i)
	}
	d := New(Settings{WarmUp: 30})
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		d.Observe(time.Unix(int64(i), 0), values[i&(1<<14-1)])
		i++
	}
	b.ReportMetric(float64(unsafe.Sizeof(d)), "B/detector")
}
