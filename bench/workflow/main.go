// Command workflow measures what turning spans into metrics costs: Watchkeeper's
// workflow connector against upstream's span_metrics.
//
//	workflow [-quick] [-only costs|sizes] WATCHKEEPER
//	workflow -soak 10m WATCHKEEPER
//
// One binary, which has both, is run with three configurations: one that passes
// spans through, one with either connector. Before anything is measured both must
// count the same of the same spans. With -soak the workflow connector alone takes
// 20,000 spans a second for that long, must count every one, and must not grow.
//
// The result is Markdown on standard output; progress goes to standard error.
// Everything is on loopback, and all that it starts ends with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func init() { runtime.LockOSThread() } // as program.Start asks for

func main() {
	quick := flag.Bool("quick", false, "few and short rounds: a look, not a measurement")
	only := flag.String("only", "", "measure only costs or only sizes")
	soaking := flag.Duration("soak", 0, "send 20,000 spans a second for so long, at most 1h, and measure nothing else")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: workflow [-quick] [-only costs|sizes] WATCHKEEPER\n       workflow -soak DURATION WATCHKEEPER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *only != "" && *only != "costs" && *only != "sizes" || *soaking < 0 || *soaking > time.Hour {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, flag.Arg(0), *quick, *only, *soaking)
	if err != nil {
		fmt.Fprintln(os.Stderr, "workflow:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, quick bool, only string, soaking time.Duration) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	describeHost(os.Stdout, quick)
	if soaking > 0 {
		return soak(ctx, os.Stdout, binary, soaking)
	}
	s := scale{rounds: 5, requests: 300, warmUp: 60, proof: 200, sets: 2000, traces: 50_000}
	if quick {
		s = scale{rounds: 2, requests: 120, warmUp: 40, proof: 40, sets: 1000, traces: 10_000}
	}
	progress("do both count the same?")
	proven, err := prove(ctx, binary, s.proof)
	if err != nil {
		return err
	}
	progress("they do: %s", proven)
	var c costs
	if only != "sizes" {
		if c, err = measureCosts(ctx, binary, s); err != nil {
			return err
		}
	}
	var z sizes
	if only != "costs" {
		if z, err = measureSizes(ctx, binary, s); err != nil {
			return err
		}
	}
	printTable(os.Stdout, s, proven, c, z)
	return nil
}

// scale is how much is sent.
type scale struct {
	rounds   int
	requests int // of a round
	warmUp   int // requests before those that count
	proof    int // requests of the proof
	sets     int // of label values, and ten times as many
	traces   int // that are open at once
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
