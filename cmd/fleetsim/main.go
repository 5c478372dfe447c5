// Command fleetsim is a fleet of AI agents to try Watchkeeper on: a planner, a
// researcher and a writer with a critic, each a service of its own with its own
// telemetry, that call models, MCP tools and each other over real HTTP, MCP and A2A
// on loopback. The models answer by a script; nothing leaves the machine.
//
// The mix of workflows, retries and failures follows from --seed alone, and what the
// fleet has really done is printed as one line of JSON at the end, so that a test
// can hold the metrics of a collector against it. Faults can be switched on while it
// runs: POST /faults/{loop|stall|tool_failure|slow_dependency|leak}?on=true.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
)

// options are the flags.
type options struct {
	otlp            string
	mcp             string
	postgres, redis string
	control         string
	rate            float64
	duration        time.Duration
	workflows       int
	workers         int
	seed            uint64
	latency         time.Duration
	failures        float64
	grace           time.Duration
	metricInterval  time.Duration
	faults          string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == leakArgument {
		leak(os.Stdin)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "fleetsim: %v\n", err)
		}
		stop()
		os.Exit(1)
	}
}

// run runs a fleet until its workflows are done, its time is over or the context
// ends, and writes the truth to stdout.
func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	o, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	truth := newTruth()
	// What could not be exported is missing in the collector, and the truth says so.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		truth.add(truth.exportErrors, "errors", "", 1)
		_, _ = fmt.Fprintf(stderr, "fleetsim: telemetry: %v\n", err)
	}))
	f, err := newFleet(ctx, o, truth)
	if err != nil {
		return fmt.Errorf("starting the fleet: %w", err)
	}
	_, _ = fmt.Fprintf(stderr, "fleetsim: telemetry to %s, control page at http://%s/\n", o.otlp, f.control.address)
	f.work(ctx)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.grace)
	defer cancel()
	err = f.close(closing)
	return errors.Join(err, json.NewEncoder(stdout).Encode(truth.report()))
}

func parse(arguments []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("fleetsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.otlp, "otlp", "localhost:4317", "where telemetry goes: host:port for OTLP over gRPC, http://host:port for OTLP over HTTP")
	flags.StringVar(&o.mcp, "mcp", "", "URL of an MCP server to use instead of the fleet's own, which has the tools search, lookup and publish")
	flags.StringVar(&o.postgres, "postgres", "", "URL of a PostgreSQL to keep documents in; empty means none")
	flags.StringVar(&o.redis, "redis", "", "host:port of a Redis to cache answers in; empty means none")
	flags.StringVar(&o.control, "control", "127.0.0.1:0", "address of the control page")
	flags.Float64Var(&o.rate, "rate", 1, "workflows that begin in a second; 0 means as fast as the workers take them")
	flags.DurationVar(&o.duration, "duration", 0, "end after this time; 0 means no such end")
	flags.IntVar(&o.workflows, "workflows", 0, "end after this number of workflows; 0 means no such end")
	flags.IntVar(&o.workers, "workers", 4, "workflows at the same time")
	flags.Uint64Var(&o.seed, "seed", 1, "decides the mix of workflows, retries and failures")
	flags.DurationVar(&o.latency, "latency", 20*time.Millisecond, "time that a model takes for a short answer; the others follow from it")
	flags.Float64Var(&o.failures, "failures", 0.05, "share of workflows that fail by themselves, 0 to 1")
	flags.DurationVar(&o.grace, "grace", 10*time.Second, "time for workflows to finish and telemetry to leave at the end")
	flags.DurationVar(&o.metricInterval, "metric-interval", 5*time.Second, "time between exports of metrics")
	flags.StringVar(&o.faults, "faults", "", "faults that are on from the start, comma-separated: "+strings.Join(faultNames, ", "))
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !(o.rate >= 0):
		return o, fmt.Errorf("--rate %v: must be 0 or more", o.rate)
	case o.workflows < 0:
		return o, fmt.Errorf("--workflows %d: must be 0 or more", o.workflows)
	case o.workers < 1 || o.workers > 1000:
		return o, fmt.Errorf("--workers %d: must be 1 to 1000", o.workers)
	case !(o.failures >= 0 && o.failures <= 1):
		return o, fmt.Errorf("--failures %v: must be 0 to 1", o.failures)
	case o.grace <= 0 || o.metricInterval <= 0 || o.latency < 0 || o.duration < 0:
		return o, errors.New("--grace and --metric-interval must be more than 0, --latency and --duration 0 or more")
	}
	return o, nil
}
