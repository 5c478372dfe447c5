package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// pause lets what a collector does after an answer end before the next is
// measured.
const pause = 100 * time.Millisecond

// scraped is a round of scrapes.
type scraped struct {
	perSeries time.Duration // processor time of a scrape, over the series
	latency   time.Duration // median
	bytes     float64       // resident anonymous memory for a series, after the scrapes
}

// settle is the age at which a collector is given its series: Watchkeeper gives
// memory that only its start needed back after five seconds, which is not to be
// mistaken for what series take.
const settle = 6 * time.Second

// startSettled starts a collector and waits for that age.
func (c collector) startSettled(ctx context.Context, exporter string) (r *running, err error) {
	if r, err = c.start(ctx, exporter); err == nil {
		time.Sleep(settle)
	}
	return r, err
}

// scrapes fills a collector, then scrapes it after each change of a tenth. Without
// is its memory without any series.
func (c collector) scrapes(ctx context.Context, series, n int, zipped bool, without int64) (s scraped, err error) {
	r, err := c.startSettled(ctx, "prometheus")
	if err != nil {
		return s, err
	}
	defer r.stop(&err)
	f := newFleet(series)
	all, err := f.all()
	if err := r.sendAll(ctx, all, err); err != nil {
		return s, err
	}
	all = nil
	if _, err := r.scrape(ctx, zipped, io.Discard); err != nil {
		return s, err
	}
	var used time.Duration
	var latencies []time.Duration
	for range n {
		changed, err := f.change()
		if err := r.sendAll(ctx, changed, err); err != nil {
			return s, err
		}
		time.Sleep(pause)
		before, err := r.CPUTime()
		if err != nil {
			return s, err
		}
		took, err := r.scrape(ctx, zipped, io.Discard)
		if err != nil {
			return s, err
		}
		time.Sleep(pause) // a collection that the scrape began is a part of it
		after, err := r.CPUTime()
		if err != nil {
			return s, err
		}
		used += after - before
		latencies = append(latencies, took)
	}
	resident, err := r.Anonymous()
	if err != nil {
		return s, err
	}
	slices.Sort(latencies)
	return scraped{
		perSeries: used / time.Duration(n*series),
		latency:   latencies[len(latencies)/2],
		bytes:     float64(resident-without) / float64(series),
	}, nil
}

// without is the anonymous memory of the collector when it has received the same
// and kept nothing: what Go's collector of garbage leaves lie around is a part of
// it, as it is of what an exporter is charged with.
func (c collector) without(ctx context.Context, series int) (now int64, err error) {
	r, err := c.startSettled(ctx, "nop")
	if err != nil {
		return 0, err
	}
	defer r.stop(&err)
	all, err := newFleet(series).all()
	if err := r.sendAll(ctx, all, err); err != nil {
		return 0, err
	}
	time.Sleep(pause)
	return r.Anonymous()
}

// ingested is what a point costs, in processor time.
type ingested struct{ perPoint, without time.Duration }

// ingests sends points of known series, to the exporter and to none.
func (c collector) ingests(ctx context.Context, series, repeat int) (i ingested, err error) {
	if i.perPoint, err = c.ingest(ctx, "prometheus", series, repeat); err != nil {
		return i, err
	}
	i.without, err = c.ingest(ctx, "nop", series, repeat)
	return i, err
}

func (c collector) ingest(ctx context.Context, exporter string, series, repeat int) (per time.Duration, err error) {
	r, err := c.start(ctx, exporter)
	if err != nil {
		return 0, err
	}
	defer r.stop(&err)
	f := newFleet(series)
	var before time.Duration
	for i := range repeat + 2 { // two to get warm
		if i == 2 {
			if before, err = r.CPUTime(); err != nil {
				return 0, err
			}
		}
		for j := range f.values {
			f.values[j]++
		}
		all, err := f.all()
		if err := r.sendAll(ctx, all, err); err != nil {
			return 0, err
		}
	}
	after, err := r.CPUTime()
	return (after - before) / time.Duration(repeat*series), err
}

// loaded is what scrapes are like while points come in.
type loaded struct {
	series, scrapes int
	points          float64 // a second
	median, p99     time.Duration
}

// both scrapes all the time while so many points a second come in, and then looks
// whether all of them have come through.
func (c collector) both(ctx context.Context, series, pointsPerSecond int, d time.Duration) (l loaded, err error) {
	r, err := c.start(ctx, "prometheus")
	if err != nil {
		return l, err
	}
	defer r.stop(&err)
	f := newFleet(series)
	all, err := f.all()
	if err := r.sendAll(ctx, all, err); err != nil {
		return l, err
	}
	// Made before, because the time of this program is not the collector's.
	turns := [][][]byte{}
	for range 4 {
		for i := range f.values {
			f.values[i] += 0.125
		}
		all, err := f.all()
		if err != nil {
			return l, err
		}
		turns = append(turns, all)
	}
	last := slices.Clone(f.values)
	progress("scraping while points come in")
	done := make(chan error, 1)
	sent := 0
	begin := time.Now()
	go func() {
		done <- func() error {
			for turn := 0; ; turn++ {
				// The last turn has the values that the end is compared with; the clock of
				// the points goes on only within the four, so the rest are sent without one.
				final := time.Since(begin) >= d
				requests := turns[min(turn, len(turns)-1)]
				if final {
					requests = turns[len(turns)-1]
				}
				for _, b := range requests {
					if err := r.send(ctx, b); err != nil {
						return err
					}
					sent += batchSize
					if ahead := time.Duration(float64(sent)/float64(pointsPerSecond)*1e9) - time.Since(begin); ahead > 0 {
						time.Sleep(ahead)
					}
				}
				if final {
					return nil
				}
			}
		}()
	}()
	var latencies []time.Duration
	for ended := false; !ended; {
		took, err := r.scrape(ctx, false, io.Discard)
		if err != nil {
			return l, err
		}
		latencies = append(latencies, took)
		select {
		case err := <-done:
			if err != nil {
				return l, err
			}
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	l = loaded{series: series, scrapes: len(latencies), points: float64(sent) / time.Since(begin).Seconds()}
	slices.Sort(latencies)
	l.median, l.p99 = latencies[len(latencies)/2], latencies[len(latencies)*99/100]
	got, err := r.text(ctx, false)
	if err != nil {
		return l, err
	}
	f.values = last
	if missing := f.missing(got); missing != "" {
		return l, fmt.Errorf("a point is lost: %s", missing)
	}
	return l, nil
}
