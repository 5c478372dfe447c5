// Command prometheus measures what being scraped costs: Watchkeeper's prometheus
// exporter against that of the contrib distribution.
//
//	prometheus [-quick] WATCHKEEPER PEER
//
// Both get the same metrics over OTLP and are scraped by the same client, in
// turns, each alone. Before anything is measured their scrapes must be equal. The
// result is a table in Markdown on standard output; progress goes to standard
// error. Everything is on loopback, and all that it starts ends with it.
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
	quick := flag.Bool("quick", false, "fewer rounds: a look, not a measurement")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: prometheus [-quick] WATCHKEEPER PEER")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *quick); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binaries []string, quick bool) error {
	for i, path := range binaries {
		var err error
		if binaries[i], err = filepath.Abs(path); err != nil {
			return err
		}
	}
	ours, theirs := collector{"ours", binaries[0]}, collector{"theirs", binaries[1]}
	rounds, scrapes := 3, 30
	if quick {
		rounds, scrapes = 2, 5
	}
	proven, err := prove(ctx, ours, theirs)
	if err != nil {
		return fmt.Errorf("proving that both say the same: %w", err)
	}
	t := table{out: os.Stdout}
	t.begin(quick, proven)
	without := map[collector]int64{}
	of := 0 // series
	for _, s := range []struct {
		series int
		gzip   bool
		goal   float64
	}{{10_000, false, 50}, {10_000, true, 40}, {100_000, false, 50}, {100_000, true, 40}, {200_000, false, 0}} {
		// The more series, the longer the peer takes for one.
		n := max(3, scrapes*10_000/s.series)
		if of != s.series {
			of = s.series
			for _, c := range []collector{ours, theirs} {
				progress("%d series dropped, %s", of, c.name)
				if without[c], err = c.without(ctx, of); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
		}
		o, p, err := inTurns(rounds, ours, theirs, func(c collector) (scraped, error) {
			return c.scrapes(ctx, s.series, n, s.gzip, without[c])
		})
		if err != nil {
			return err
		}
		t.scrapes(s.series, s.gzip, s.goal, o, p)
	}
	o, p, err := inTurns(rounds, ours, theirs, func(c collector) (ingested, error) { return c.ingests(ctx, 10_000, 100) })
	if err != nil {
		return err
	}
	t.ingests(o, p)
	seconds := 10 * time.Second
	if quick {
		seconds = 4 * time.Second
	}
	both, err := ours.both(ctx, 100_000, 100_000, seconds)
	if err != nil {
		return err
	}
	t.both(both)
	return nil
}

// inTurns runs rounds of both, one after the other.
func inTurns[T any](rounds int, ours, theirs collector, round func(collector) (T, error)) (o, t []T, err error) {
	for i := range rounds {
		for _, c := range []collector{ours, theirs} {
			progress("round %d of %d, %s", i+1, rounds, c.name)
			r, err := round(c)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if c.name == ours.name {
				o = append(o, r)
			} else {
				t = append(t, r)
			}
		}
	}
	return o, t, nil
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
