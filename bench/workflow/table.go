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

// goals as parts of what span_metrics takes, and of the open traces in bytes.
const (
	costGoal = 1.0 / 3
	sizeGoal = 1.0 / 5
	openGoal = 400e6
)

// printTable writes what was measured.
func printTable(w io.Writer, s scale, proven string, c costs, z sizes) {
	fmt.Fprintf(w, "\nEqual before the first round: %s.\n\n", proven)
	fmt.Fprintf(w, "| | workflow | span_metrics | ratio | goal |\n|---|---|---|---|---|\n")
	if len(c.ours) > 0 {
		c.print(w)
	}
	if z.openTraces > 0 {
		z.print(w)
	}
	fmt.Fprintf(w, "\n%d rounds of %d spans at %d a second; series are %d and %d sets of labels with %d series each.\n",
		s.rounds, s.requests*batchSize, rate, s.sets, 10*s.sets, pointsOfSet)
}

func (c costs) print(w io.Writer) {
	base := median(c.passThrough)
	added := func(of []float64) []float64 {
		less := make([]float64, len(of))
		for i, v := range of {
			less[i] = v - c.passThrough[i]
		}
		return less
	}
	ours, peer := added(c.ours), added(c.peer)
	fmt.Fprintf(w, "| CPU added to a span | %s | %s | %s | %s |\n", cell(ours), cell(peer),
		fraction(median(ours)/median(peer)), verdict(costGoal, median(ours) <= costGoal*median(peer)))
	fmt.Fprintf(w, "| CPU of a span in all, %.2f µs of it to receive it | %s | %s | %s | |\n", base, cell(c.ours), cell(c.peer),
		fraction(median(c.ours)/median(c.peer)))
}

func (z sizes) print(w io.Writer) {
	size := func(what string, ours, peer float64, goal bool) {
		target := ""
		if goal {
			target = verdict(sizeGoal, ours <= sizeGoal*peer)
		}
		fmt.Fprintf(w, "| %s | %.0f B | %.0f B | %s | %s |\n", what, ours, peer, fraction(ours/peer), target)
	}
	size("heap a series", z.ours.heap, z.peer.heap, true)
	size("resident memory a series", z.ours.process, z.peer.process, false)
	met := "met"
	if z.openHeap > openGoal {
		met = "**missed**"
	}
	fmt.Fprintf(w, "| heap of %d open traces of 20 spans | %.0f MB | | | %.0f MB: %s |\n", z.openTraces, z.openHeap/1e6, openGoal/1e6, met)
	fmt.Fprintf(w, "| their resident memory | %.0f MB | | | |\n", z.openRSS/1e6)
}

// describeHost says what the figures were taken on.
func describeHost(w io.Writer, quick bool) {
	var uts unix.Utsname
	kernel := "unknown"
	if unix.Uname(&uts) == nil {
		kernel = unix.ByteSliceToString(uts.Release[:])
	}
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "%s, %d cores, Linux %s %s, %s, load before %.4s", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(),
		kernel, runtime.GOARCH, runtime.Version(), strings.TrimSpace(string(load)))
	if quick {
		fmt.Fprint(w, ", **quick: a look, not a measurement**")
	}
	fmt.Fprintln(w)
}

func cell(values []float64) string {
	return fmt.Sprintf("%.2f µs (%.2f to %.2f)", median(values), slices.Min(values), slices.Max(values))
}

func verdict(goal float64, met bool) string {
	if met {
		return fraction(goal) + ": met"
	}
	return fraction(goal) + ": **missed**"
}

// fraction writes a small ratio as 1/n.
func fraction(v float64) string {
	switch {
	case v <= 0:
		return "under noise"
	case v >= 2.0/3:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("1/%.3g", 1/v)
}

// median returns the middle value, or the mean of the two in the middle. There
// must be one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
