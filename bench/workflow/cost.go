package main

import (
	"context"
	"time"
)

// rate is the spans a second of rounds and of the soak.
const rate = 20_000

// burst is the number of requests that are sent to one collector before the next
// gets as many: half a second of them.
const burst = rate / batchSize / 2

// drain is how long after the last span of a round its processor time is read:
// until everything of it has settled and one more of every metric was sent.
const drain = 12 * time.Second

// costs are processor times of a span in microseconds, by round.
type costs struct{ passThrough, peer, ours []float64 }

// measureCosts runs the three at the same time and sends to one after the other,
// a burst each: what a processor takes for the same work changes within seconds on
// a host that is shared, and so it changes for all three alike.
func measureCosts(ctx context.Context, binary string, s scale) (c costs, err error) {
	for i := range s.rounds {
		cost, err := costRound(ctx, binary, s)
		if err != nil {
			return c, err
		}
		progress("round %d of %d: %.2f µs a span to pass it through, %.2f with span_metrics, %.2f with workflow",
			i+1, s.rounds, cost[0], cost[1], cost[2])
		c.passThrough = append(c.passThrough, cost[0])
		c.peer = append(c.peer, cost[1])
		c.ours = append(c.ours, cost[2])
	}
	return c, nil
}

// costRound returns the processor time of each collector from the first span to the
// time when all has settled, by span.
func costRound(ctx context.Context, binary string, size scale) (micros [3]float64, err error) {
	subjects := [...]subject{passThrough, spanMetrics(""), workflow("")}
	var collectors [len(subjects)]*running
	var loads [len(subjects)]*load
	for i, s := range subjects {
		if loads[i], err = newLoad(); err != nil {
			return micros, err
		}
		if collectors[i], err = s.start(ctx, binary, "nop"); err != nil {
			return micros, err
		}
		defer collectors[i].stop(&err)
	}
	send := func(requests int) error {
		for ; requests > 0; requests -= burst {
			for i, r := range collectors {
				if _, err := r.stream(ctx, loads[i], rate, burst); err != nil {
					return err
				}
			}
		}
		return collectors[0].sleep(ctx, drain)
	}
	if err := send(size.warmUp); err != nil {
		return micros, err
	}
	var before [len(subjects)]time.Duration
	for i, r := range collectors {
		if before[i], err = r.CPUTime(); err != nil {
			return micros, err
		}
	}
	if err := send(size.requests); err != nil {
		return micros, err
	}
	for i, r := range collectors {
		after, err := r.CPUTime()
		if err != nil {
			return micros, err
		}
		micros[i] = float64((after - before[i]).Nanoseconds()) / 1e3 / float64(size.requests*batchSize)
	}
	return micros, nil
}
