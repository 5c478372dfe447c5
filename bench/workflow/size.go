package main

import (
	"context"
	"fmt"
	"time"
)

// pointsOfSet is how many series both make of one set of label values: a counter
// and a histogram.
const pointsOfSet = 2

// sizes are bytes.
type sizes struct {
	peer, ours         growth // of a series
	openHeap, openRSS  float64
	openTraces, opened int
}

// growth is what a series takes, of the heap that is in use and of the process.
type growth struct{ heap, process float64 }

// measureSizes asks what series and open traces take.
func measureSizes(ctx context.Context, binary string, s scale) (z sizes, err error) {
	for _, side := range []struct {
		of subject
		in *growth
	}{
		{spanMetrics(""), &z.peer},
		// Traces settle at once, so that only the series are left; there is room for all.
		{workflow(", settle: 100ms, max_series: 1000000"), &z.ours},
	} {
		var few, many growth
		if few, err = side.of.size(ctx, binary, s.sets, 10); err != nil {
			return z, err
		}
		if many, err = side.of.size(ctx, binary, 10*s.sets, 1); err != nil {
			return z, err
		}
		n := float64(9 * s.sets * pointsOfSet)
		*side.in = growth{(many.heap - few.heap) / n, (many.process - few.process) / n}
		progress("%-12s %.0f bytes of heap a series, %.0f of the process", side.of.name, side.in.heap, side.in.process)
	}
	if err := z.measureOpen(ctx, binary, s.traces); err != nil {
		return z, err
	}
	progress("%d open traces: %.0f MB of heap, %.0f MB of the process", z.openTraces, z.openHeap/1e6, z.openRSS/1e6)
	return z, nil
}

// frugal makes the garbage of a collector small beside what it keeps. Both sides of
// a comparison have it.
const frugal = "GOGC=10"

// size returns what a collector takes after it was sent so many different routes,
// so many times each.
func (s subject) size(ctx context.Context, binary string, routes, times int) (g growth, err error) {
	l, err := newRoutes(routes, times)
	if err != nil {
		return g, err
	}
	r, err := s.start(ctx, binary, "nop", frugal)
	if err != nil {
		return g, err
	}
	defer r.stop(&err)
	if _, err := r.stream(ctx, l, rate, len(l.requests)); err != nil {
		return g, err
	}
	return r.weigh(ctx, 35*time.Second)
}

// weigh takes the least of the heap and of the process over a time in which
// nothing comes but the collector's own doings, metrics twice among them.
func (r *running) weigh(ctx context.Context, over time.Duration) (least growth, err error) {
	for end := time.Now().Add(over); time.Now().Before(end); {
		// Being asked for its metrics makes garbage, and so the collector collects.
		heap, err := r.telemetryOf(ctx, "otelcol_process_runtime_heap_alloc_bytes")
		if err != nil {
			return least, err
		}
		anonymous, err := r.Anonymous()
		if err != nil {
			return least, err
		}
		if least.heap == 0 || heap < least.heap {
			least.heap = heap
		}
		if least.process == 0 || float64(anonymous) < least.process {
			least.process = float64(anonymous)
		}
		if err := r.sleep(ctx, 100*time.Millisecond); err != nil {
			return least, err
		}
	}
	return least, nil
}

// measureOpen asks what traces of 20 spans take whose roots have not come.
func (z *sizes) measureOpen(ctx context.Context, binary string, traces int) (err error) {
	l, err := newRuns()
	if err != nil {
		return err
	}
	r, err := workflow("").start(ctx, binary, "nop", frugal)
	if err != nil {
		return err
	}
	defer r.stop(&err)
	before, err := r.weigh(ctx, time.Second)
	if err != nil {
		return err
	}
	if _, err := r.stream(ctx, l, 0, traces*20/1000); err != nil {
		return err
	}
	after, err := r.weigh(ctx, 20*time.Second)
	if err != nil {
		return err
	}
	open, err := r.telemetryOf(ctx, "otelcol_connector_workflow_open_traces")
	if err != nil {
		return err
	}
	spans, err := r.telemetryOf(ctx, "otelcol_connector_workflow_open_spans")
	if err != nil {
		return err
	}
	z.openTraces, z.opened = traces, int(spans)
	z.openHeap, z.openRSS = after.heap-before.heap, after.process-before.process
	if int(open) != traces || int(spans) != 20*traces {
		return fmt.Errorf("%.0f traces of %.0f spans are open instead of %d of %d", open, spans, traces, 20*traces)
	}
	return nil
}
