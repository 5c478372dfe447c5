package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// table writes the results as they come.
type table struct{ out io.Writer }

func (t table) begin(quick bool, proven string) {
	var uts unix.Utsname
	kernel := "unknown"
	if unix.Uname(&uts) == nil {
		kernel = unix.ByteSliceToString(uts.Release[:])
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(t.out, "%s, %d cores, Linux %s %s, %s, load before %s", time.Now().UTC().Format(time.DateOnly),
		runtime.NumCPU(), kernel, runtime.GOARCH, runtime.Version(), strings.Fields(string(load))[0])
	if quick {
		fmt.Fprint(t.out, ", **quick: a look, not a measurement**")
	}
	fmt.Fprintf(t.out, "\n\nEqual before the first round: %s.\n\n", proven)
	fmt.Fprint(t.out, "| | ours | contrib | ratio | goal |\n|---|---|---|---|---|\n")
}

func (t table) row(what, unit string, decimals int, ours, theirs []float64, goal float64) {
	ratio := median(theirs) / median(ours)
	verdict := ""
	if goal > 0 {
		verdict = fmt.Sprintf("1/%.3g: ", goal)
		if ratio >= goal || median(ours) <= 0 {
			verdict += "met"
		} else {
			verdict += "**missed**"
		}
	}
	said := fmt.Sprintf("1/%.3g", ratio)
	if median(ours) <= 0 {
		said = "under noise"
	}
	fmt.Fprintf(t.out, "| %s | %s | %s | %s | %s |\n", what, cell(ours, unit, decimals), cell(theirs, unit, decimals), said, verdict)
}

func (t table) scrapes(series int, zipped bool, goal float64, ours, theirs []scraped) {
	how := "plain"
	if zipped {
		how = "gzip"
	}
	name := fmt.Sprintf("%d series, %s: ", series, how)
	t.row(name+"CPU of a scrape and series", "µs", 3, each(ours, cpu), each(theirs, cpu), goal)
	latencyGoal, memoryGoal := 0.0, 0.0
	if series == 200_000 {
		latencyGoal = 50
	}
	if series == 100_000 {
		memoryGoal = 8
	}
	t.row(name+"latency of a scrape", "ms", 1, each(ours, latency), each(theirs, latency), latencyGoal)
	t.row(name+"resident memory a series", "B", 0, each(ours, memory), each(theirs, memory), memoryGoal)
}

func cpu(s scraped) float64     { return float64(s.perSeries) / 1e3 }
func latency(s scraped) float64 { return float64(s.latency) / 1e6 }
func memory(s scraped) float64  { return s.bytes }

func (t table) ingests(ours, theirs []ingested) {
	added := func(all []ingested) []float64 {
		without := median(each(all, func(i ingested) float64 { return float64(i.without) / 1e3 }))
		return each(all, func(i ingested) float64 { return float64(i.perPoint)/1e3 - without })
	}
	whole := func(i ingested) float64 { return float64(i.perPoint) / 1e3 }
	t.row("CPU that a point adds to receiving it", "µs", 3, added(ours), added(theirs), 4)
	t.row("CPU of a point, receiving included", "µs", 3, each(ours, whole), each(theirs, whole), 0)
}

func (t table) both(l loaded) {
	fmt.Fprintf(t.out, "\nWhile %.0f points a second came in, %d scrapes of %d series took %.1f ms in the median and %.1f ms at the 99th percentile; no point was lost.\n",
		l.points, l.scrapes, l.series, float64(l.median)/1e6, float64(l.p99)/1e6)
}

func cell(values []float64, unit string, decimals int) string {
	return fmt.Sprintf("%.*f %s (%.*f to %.*f)", decimals, median(values), unit, decimals, slices.Min(values), decimals, slices.Max(values))
}

func each[T any](values []T, f func(T) float64) []float64 {
	result := make([]float64, len(values))
	for i, v := range values {
		result[i] = f(v)
	}
	return result
}

// median returns the middle value, or the mean of the two in the middle. There
// must be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
