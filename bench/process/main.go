// Command process measures what watching processes costs: the agent_process
// receiver of Watchkeeper against the host_metrics receiver of the upstream
// Collector.
//
//	process [-quick] WATCHKEEPER HOSTMETRICS CROWD
//
// It starts crowds of processes (see crowd.c), proves that both collectors report
// the same of them, and then runs the collectors in turn, each alone, and reads
// their processor time and memory from /proc. The result is a table in Markdown
// on standard output; progress goes to standard error. Everything is on loopback,
// and all that it starts ends with it.
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
	quick := flag.Bool("quick", false, "few and short rounds, without the largest crowd: a look, not a measurement")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: process [-quick] WATCHKEEPER HOSTMETRICS CROWD")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 3 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *quick); err != nil {
		fmt.Fprintln(os.Stderr, "process:", err)
		os.Exit(1)
	}
}

// scenario is one crowd and how it is looked at.
type scenario struct {
	title     string
	processes int
	fds       int // that each process holds, 0 for a mixed crowd
	interval  time.Duration
	scrapes   int // of a round
	rounds    int
	compared  []comparison
	goal      float64 // of host_metrics' processor time
}

// warmUp is the number of scrapes before those that count.
const warmUp = 3

// idleRounds is the number of rounds without a crowd.
const idleRounds = 3

func scenarios(quick bool) []scenario {
	all := []scenario{
		{title: "1,000 processes", processes: 1000, interval: time.Second, scrapes: 8, rounds: 5, compared: everything, goal: 1.0 / 10},
		{title: "5,000 processes", processes: 5000, interval: 2 * time.Second, scrapes: 5, rounds: 5, compared: everything, goal: 1.0 / 10},
		{title: "open files of 20 processes with 5,000 each", processes: 20, fds: 5000, interval: 250 * time.Millisecond, scrapes: 32, rounds: 5, compared: openFilesOnly, goal: 1.0 / 100},
	}
	if !quick {
		return all
	}
	all = []scenario{all[0], all[2]}
	for i := range all {
		all[i].scrapes /= 2
		all[i].rounds = 2
	}
	return all
}

func run(ctx context.Context, binaries []string, quick bool) error {
	for i, path := range binaries {
		var err error
		if binaries[i], err = filepath.Abs(path); err != nil {
			return err
		}
	}
	ours, theirs, crowd := agentProcess(binaries[0]), hostMetrics(binaries[1]), binaries[2]
	describeHost(os.Stdout, quick)
	for _, s := range scenarios(quick) {
		r, err := s.run(ctx, ours, theirs, crowd)
		if err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		r.print(os.Stdout, s)
	}
	return nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
