// Command demo shows Watchkeeper at work: it starts Jaeger, Prometheus, PostgreSQL,
// Redis, an MCP server, the simulated fleet and Watchkeeper on loopback, says where
// they are and what to look at, and stops them all when it is interrupted, when its
// time is over, or when one of them fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	watchkeeper, fleetsim, config string
	rate                          float64
	limit                         time.Duration
	freePorts                     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		}
		stop()
		os.Exit(1)
	}
}

// run runs the demonstration until the context ends or its time is over.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.watchkeeper, "watchkeeper", "bin/watchkeeper", "the program to show")
	flags.StringVar(&o.fleetsim, "fleetsim", "bin/fleetsim", "the simulated fleet")
	flags.StringVar(&o.config, "config", "configs/demo.yaml", "the configuration to show it with")
	flags.Float64Var(&o.rate, "rate", 1, "workflows that the fleet begins in a second")
	flags.DurationVar(&o.limit, "for", 0, "end after this time; 0 means when interrupted")
	flags.BoolVar(&o.freePorts, "free-ports", false, "have Watchkeeper listen on any free ports, not its usual ones")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.limit < 0:
		return fmt.Errorf("--for %v: must be 0 or more", o.limit)
	case !(o.rate >= 0):
		return fmt.Errorf("--rate %v: must be 0 or more", o.rate)
	}
	for _, file := range []string{o.watchkeeper, o.fleetsim, o.config} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%w: run \"make demo\" in the folder of the repository", err)
		}
	}
	return show(ctx, o, stdout, stderr)
}

// show starts everything, waits, and stops everything.
func show(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	s := newStage(ctx, stderr)
	defer func() { err = errors.Join(err, s.close()) }()
	var c *cast
	if err := s.do(func() { c = enter(s, o) }); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return nil // interrupted while it started
	}
	c.introduce(stdout)
	var over <-chan time.Time
	if o.limit > 0 {
		timer := time.NewTimer(o.limit)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
	case <-over:
	case name := <-c.fallen:
		return fmt.Errorf("%s has ended by itself; its log ends with:\n%s", name, c.logOf(name))
	}
	_, _ = fmt.Fprintln(stdout, "\nStopping.")
	// The fleet first: what it has done is worth telling.
	if err := s.do(c.fleet.Stop); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "What the fleet has done:\n%s\n", c.truth())
	return nil
}
