package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// print writes the rows of one scenario.
func (r result) print(w io.Writer, s scenario) {
	const micro = 1e6
	perProcess := func(of series) []float64 {
		return each(of.scrape, func(v float64) float64 {
			return (v - median(of.idle)) * micro / float64(s.processes)
		})
	}
	whole := func(of series) []float64 {
		return each(of.scrape, func(v float64) float64 { return v * micro / float64(s.processes) })
	}
	fmt.Fprintf(w, "\nEqual before the first round: %s.\n\n", r.proven)
	fmt.Fprintf(w, "| %s, every %s | agent_process | host_metrics | ratio | goal |\n|---|---|---|---|---|\n", s.title, s.interval)
	row := func(what, unit string, decimals int, ours, theirs []float64, goal float64) {
		target := ""
		if goal > 0 {
			target = fmt.Sprintf("%s: %s", fraction(goal), verdict(median(ours) <= goal*median(theirs)))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", what, cell(ours, unit, decimals), cell(theirs, unit, decimals),
			fraction(median(ours)/median(theirs)), target)
	}
	row("CPU a process and scrape", "µs", 2, perProcess(r.ours), perProcess(r.theirs), s.goal)
	row("the same with what the collector takes without them", "µs", 2, whole(r.ours), whole(r.theirs), 0)
	row("CPU a scrape without them", "ms", 2, each(r.ours.idle, func(v float64) float64 { return v * 1e3 }),
		each(r.theirs.idle, func(v float64) float64 { return v * 1e3 }), 0)
	megabytes := func(v float64) float64 { return v / 1e6 }
	row("resident memory", "MB", 1, each(r.ours.size, megabytes), each(r.theirs.size, megabytes), 0.5)
	row("its peak", "MB", 1, each(r.ours.peak, megabytes), each(r.theirs.peak, megabytes), 0)
	row("resident memory without them", "MB", 1, each(r.ours.idleSize, megabytes), each(r.theirs.idleSize, megabytes), 0)
	added := func(of series) []float64 {
		return each(of.size, func(v float64) float64 { return megabytes(v - median(of.idleSize)) })
	}
	row("what they add to it", "MB", 1, added(r.ours), added(r.theirs), 0)
	row("resident memory that no file is behind", "MB", 1, each(r.ours.own, megabytes), each(r.theirs.own, megabytes), 0)
}

// describeHost says what the figures were taken on.
func describeHost(w io.Writer, quick bool) {
	var uts unix.Utsname
	kernel := "unknown"
	if unix.Uname(&uts) == nil {
		kernel = unix.ByteSliceToString(uts.Release[:])
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "%s, %s, Linux %s %s, %s, load before %s", time.Now().UTC().Format(time.DateOnly),
		count(runtime.NumCPU(), "core"), kernel, runtime.GOARCH, runtime.Version(), strings.Join(strings.Fields(string(load))[:1], ""))
	if quick {
		fmt.Fprint(w, ", **quick: a look, not a measurement**")
	}
	fmt.Fprintln(w)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func cell(values []float64, unit string, decimals int) string {
	return fmt.Sprintf("%.*f %s (%.*f to %.*f)", decimals, median(values), unit, decimals, slices.Min(values), decimals, slices.Max(values))
}

// fraction writes a small ratio as 1/n.
func fraction(v float64) string {
	switch {
	case v <= 0:
		return "under noise"
	case v >= 2.0/3:
		return fmt.Sprintf("%.2f", v)
	case 1/v < 100:
		return fmt.Sprintf("1/%.3g", 1/v)
	}
	return "1/" + strconv.FormatFloat(1/v, 'f', 0, 64)
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}

func each(values []float64, f func(float64) float64) []float64 {
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
