package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// flat is by how much of its mean memory may grow in the second half of a soak.
const flat = 0.05

// filling is how long memory grows on purpose at the rate of a soak: workflows are
// remembered for two minutes after their end. A soak whose second half begins
// before that says nothing of growth.
const filling = 150 * time.Second

// sample is what was seen of a collector at a time.
type sample struct {
	at     time.Duration
	memory float64 // resident bytes
}

// soak sends spans to the workflow connector for a time, and proves that it has
// counted them all and has not grown.
func soak(ctx context.Context, w io.Writer, binary string, length time.Duration) (err error) {
	l, err := newLoad()
	if err != nil {
		return err
	}
	r, err := workflow("").start(ctx, binary, "prometheus")
	if err != nil {
		return err
	}
	defer r.stop(&err)
	before, err := r.CPUTime()
	if err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	seen := make(chan watched, 1)
	go func() { seen <- r.watch(watching, length) }()
	begin := time.Now()
	sent, err := r.stream(ctx, l, rate, int(length.Seconds()*rate/batchSize))
	took := time.Since(begin)
	stop()
	result := <-seen
	if err = errors.Join(err, result.err); err != nil {
		return err
	}
	after, err := r.CPUTime()
	if err != nil {
		return err
	}
	progress("%d spans were sent in %s; are they counted?", sent, took.Round(time.Second))
	summary, err := r.verify(ctx, l.held())
	if err != nil {
		return err
	}
	accepted, err := r.telemetryOf(ctx, "otelcol_receiver_accepted_spans")
	if err != nil {
		return err
	}
	looked, err := r.telemetryOf(ctx, "otelcol_connector_workflow_spans")
	if err != nil {
		return err
	}
	grown, mean := trend(result.samples[len(result.samples)/2:])
	fmt.Fprintf(w, "\n| %s at %d spans a second | |\n|---|---|\n", length, rate)
	fmt.Fprintf(w, "| spans sent, accepted, looked at | %d, %.0f, %.0f |\n", sent, accepted, looked)
	fmt.Fprintf(w, "| counted as sent | %s |\n", summary)
	fmt.Fprintf(w, "| rate | %.0f spans a second |\n", float64(sent)/took.Seconds())
	fmt.Fprintf(w, "| processor | %.0f %% of one core |\n", 100*(after-before).Seconds()/took.Seconds())
	fmt.Fprintf(w, "| resident memory in the second half | %.0f MB, %+.1f %% from its beginning to its end |\n", mean/1e6, 100*grown/mean)
	switch {
	case int(accepted) != sent || int(looked) != sent:
		return errors.New("spans were lost")
	case float64(sent)/took.Seconds() < 0.99*rate:
		return fmt.Errorf("the rate was not kept: %.0f spans a second", float64(sent)/took.Seconds())
	case length < 2*filling:
		fmt.Fprintf(w, "\nThat it grew in so short a time says nothing: what is remembered still fills up.\n")
	case grown > flat*mean:
		return fmt.Errorf("memory has grown by %.1f MB in the second half", grown/1e6)
	}
	return nil
}

// watched is what a soak has seen.
type watched struct {
	samples []sample
	err     error
}

// watch takes a sample of the memory each 500th part of a soak, but not more often
// than four times a second, until ctx is done.
func (r *running) watch(ctx context.Context, length time.Duration) (w watched) {
	begin := time.Now()
	ticker := time.NewTicker(max(length/500, 250*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if len(w.samples) < 4 {
				w.err = errors.New("the soak was too short to say anything of memory")
			}
			return w
		case <-ticker.C:
		}
		resident, _, err := r.Resident()
		if err != nil {
			w.err = err
			return w
		}
		w.samples = append(w.samples, sample{time.Since(begin), float64(resident)})
	}
}

// trend returns by how much memory has grown from the first sample to the last, by
// the straight line that fits all of them best, and its mean.
func trend(samples []sample) (grown, mean float64) {
	n := float64(len(samples))
	var middle float64
	for _, s := range samples {
		mean += s.memory / n
		middle += s.at.Seconds() / n
	}
	var above, below float64
	for _, s := range samples {
		x := s.at.Seconds() - middle
		above += x * (s.memory - mean)
		below += x * x
	}
	if below == 0 {
		return 0, mean
	}
	return above / below * (samples[len(samples)-1].at - samples[0].at).Seconds(), mean
}
