package check

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the histories anew")

// A history is a file with one run a line, "<duration in ms> <state> [<resource>]",
// below a line with the interval. They are synthesised: see the makers.
type recorded struct {
	interval time.Duration
	runs     []verdict
}

func readHistory(t *testing.T, name string) recorded {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "histories", name+".txt"))
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	require.True(t, lines.Scan())
	var out recorded
	out.interval, err = time.ParseDuration(strings.TrimPrefix(lines.Text(), "interval "))
	require.NoError(t, err)
	for lines.Scan() {
		var ms int
		var state string
		resource := -1.0
		n, err := fmt.Sscan(lines.Text(), &ms, &state, &resource)
		require.True(t, n >= 2, "%s: %v", lines.Text(), err)
		v := verdict{state: Healthy, duration: time.Duration(ms) * time.Millisecond}
		if state == "x" {
			v.state, v.errorType = Unhealthy, Timeout
		}
		if resource >= 0 {
			v.measurements = []Measurement{{Name: "resource", Value: resource}}
		}
		out.runs = append(out.runs, v)
	}
	require.NoError(t, lines.Err())
	return out
}

// makers synthesise the histories; the n-th run is the n-th call.
var makers = map[string]struct {
	interval time.Duration
	runs     int
	make     func(r *rand.Rand) func(n int) (ms int, failed bool, resource float64)
}{
	// A target between two load balancers of which one is dead: every other run or
	// so fails, for a while, several times a day.
	"flapping": {30 * time.Second, 2880, func(r *rand.Rand) func(int) (int, bool, float64) {
		last := false
		return func(n int) (int, bool, float64) {
			switch {
			case n%720 < 120 && r.Float64() < 0.85:
				last = !last
			case n%720 >= 120:
				last = false
			}
			return 20 + r.IntN(10), last, -1
		}
	}},
	// A job that locks the target up for about four minutes after the full hour.
	"periodic": {time.Minute, 4320, func(r *rand.Rand) func(int) (int, bool, float64) {
		length := 0
		return func(n int) (int, bool, float64) {
			if n%60 == 0 {
				length = 3 + r.IntN(3)
			}
			return 40 + r.IntN(20), n%60 < length, -1
		}
	}},
	// A leak: over half a day the target gets slower and fuller until it stops
	// answering, and is restarted after a while.
	"slow_burn": {30 * time.Second, 4320, func(r *rand.Rand) func(int) (int, bool, float64) {
		return func(n int) (int, bool, float64) {
			at := n % 1440
			full := float64(at) / 1320
			ms := int(100 + 1900*full*full + 30*r.NormFloat64())
			if failed := at >= 1320 && at < 1400; failed {
				return 2000, true, -1
			} else if at >= 1400 {
				return 100 + r.IntN(20), false, 0.1
			}
			return max(1, min(ms, 1999)), false, min(full, 0.999)
		}
	}},
	// Nothing ever happens.
	"stable": {15 * time.Second, 5760, func(r *rand.Rand) func(int) (int, bool, float64) {
		return func(int) (int, bool, float64) { return 5 + r.IntN(5), false, 0.4 + 0.02*r.Float64() }
	}},
	// Every now and then, at no time in particular, an outage of some length.
	"burst": {15 * time.Second, 5760, func(r *rand.Rand) func(int) (int, bool, float64) {
		left := 0
		return func(int) (int, bool, float64) {
			if left--; left <= 0 && r.Float64() < 1.0/700 {
				left = 20 + r.IntN(60)
			}
			return 5 + r.IntN(5), left > 0, -1
		}
	}},
	// Single runs that fail at random: there is nothing to be seen.
	"random": {15 * time.Second, 5760, func(r *rand.Rand) func(int) (int, bool, float64) {
		return func(int) (int, bool, float64) { return 5 + r.IntN(5), r.Float64() < 0.02, -1 }
	}},
}

func writeHistories(t *testing.T) {
	for name, m := range makers {
		next := m.make(rand.New(rand.NewPCG(7, 11)))
		var b strings.Builder
		fmt.Fprintf(&b, "interval %s\n", m.interval)
		for n := range m.runs {
			ms, failed, resource := next(n)
			mark := "."
			if failed {
				mark = "x"
			}
			fmt.Fprintf(&b, "%d %s", ms, mark)
			if resource >= 0 {
				fmt.Fprintf(&b, " %.3f", resource)
			}
			b.WriteByte('\n')
		}
		require.NoError(t, os.WriteFile(filepath.Join("testdata", "histories", name+".txt"), []byte(b.String()), 0o600))
	}
}

// replayed is the outcome of a replay: the mean of all scores, not of a window.
type replayed struct {
	mixed, base, hindsight float64
	patterns               map[Pattern]int
}

func replay(h recorded) replayed {
	c := named("db", nil)
	c.Interval, c.Timeout, c.Limits = h.interval, 2*time.Second, []Limit{{Measurement: "resource", Value: 1}}
	hist := newHistory(c, 240)
	out := replayed{patterns: map[Pattern]int{}}
	now := time.Date(2026, time.March, 2, 0, 0, 1, 0, time.UTC)
	var failures, n float64
	for _, v := range h.runs {
		now = now.Add(h.interval)
		came, turned := 0.0, (v.state == Unhealthy) != hist.failing
		if v.state == Unhealthy {
			came = 1
		}
		if f := &hist.forecaster; f.known {
			out.mixed += (f.mixed - came) * (f.mixed - came)
			out.base += (f.next[byBase] - came) * (f.next[byBase] - came)
			n, failures = n+1, failures+came
		}
		hist.add(v, now)
		if turned {
			out.patterns[hist.pattern(now)]++
		}
	}
	out.mixed /= n
	out.base /= n
	out.hindsight = failures / n * (1 - failures/n)
	return out
}

// TestTheForecastBeatsTheBaseRate replays histories. The base rate of hindsight,
// the share of all runs of the history that failed, is known to nobody while it
// goes on; a forecast that beats even that has seen something.
func TestTheForecastBeatsTheBaseRate(t *testing.T) {
	if *update {
		writeHistories(t)
	}
	for name, tc := range map[string]struct {
		// skill is how much of the score of the base rate of hindsight is saved at
		// least; zero where there is nothing to see.
		skill float64
		// loss is what looking for it in vain may cost.
		loss    float64
		pattern Pattern
	}{
		"flapping":  {skill: 0.6, pattern: Flapping},
		"periodic":  {skill: 0.7, pattern: PeriodicHour},
		"slow_burn": {skill: 0.9, pattern: SlowBurn},
		"burst":     {skill: 0.9},
		"stable":    {},
		"random":    {loss: 0.005},
	} {
		t.Run(name, func(t *testing.T) {
			got := replay(readHistory(t, name))
			t.Logf("forecast %.6f, base rate %.6f, in hindsight %.6f, patterns %v", got.mixed, got.base, got.hindsight, got.patterns)
			if tc.skill > 0 {
				require.Less(t, got.mixed, got.base)
				require.Less(t, got.mixed, got.hindsight*(1-tc.skill))
			} else {
				require.LessOrEqual(t, got.mixed, got.base*(1+tc.loss))
			}
			if tc.pattern != NoPattern {
				require.NotZero(t, got.patterns[tc.pattern])
			}
		})
	}
}
