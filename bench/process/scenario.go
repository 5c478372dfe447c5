package main

import (
	"context"
	"errors"
	"time"
)

// result has one value a round.
type result struct {
	proven       string
	ours, theirs series
}

type series struct {
	idle     []float64 // processor time of a scrape without the crowd, in seconds
	idleSize []float64 // resident bytes without the crowd, at the end of a round
	scrape   []float64 // processor time of a scrape with it
	size     []float64 // resident bytes with it, at the end of a round
	peak     []float64 // the most that was resident in a round with it
	own      []float64 // resident bytes with it that no file is behind
}

// run measures first without the crowd, then proves that both see the same, then
// measures with it. Each collector runs alone in its round: beside the other it
// would fight for processors and for the kernel's locks, and what that costs would
// be anyone's.
func (s scenario) run(ctx context.Context, ours, theirs collector, crowdBinary string) (r result, err error) {
	progress("%s: the collectors without them", s.title)
	idle := s
	idle.scrapes = max(3, s.scrapes/2)
	for range min(idleRounds, s.rounds) {
		for _, side := range []struct {
			of collector
			in *series
		}{{ours, &r.ours}, {theirs, &r.theirs}} {
			used, err := side.of.round(ctx, idle, 0)
			if err != nil {
				return r, err
			}
			side.in.idle = append(side.in.idle, used.perScrape.Seconds())
			side.in.idleSize = append(side.in.idleSize, float64(used.resident))
		}
	}

	progress("%s: starting them", s.title)
	c, err := startCrowd(ctx, crowdBinary, s.processes, s.fds)
	if err != nil {
		return r, err
	}
	defer func() {
		if stopped := c.stop(); err == nil {
			err = stopped
		}
	}()
	ctx, release := c.during(ctx)
	defer release()

	progress("%s: do both collectors see the same?", s.title)
	p, err := prove(ctx, s, c, ours, theirs)
	if err != nil {
		return r, err
	}
	progress("%s: they do: %s", s.title, p.summary)
	r.proven = p.summary
	if err := c.work(); err != nil {
		return r, err
	}

	for i := range s.rounds {
		for _, side := range []struct {
			of     collector
			points int
			in     *series
		}{{ours, p.ourPoints, &r.ours}, {theirs, p.theirPoints, &r.theirs}} {
			used, err := side.of.round(ctx, s, side.points)
			for again := 0; errors.Is(err, errUneven) && again < 2; again++ {
				progress("%s: round %d of %d does not count: %v", s.title, i+1, s.rounds, err)
				used, err = side.of.round(ctx, s, side.points)
			}
			if err != nil {
				return r, err
			}
			progress("%s: round %d of %d: %-13s %10s a scrape, %5.1f MB",
				s.title, i+1, s.rounds, side.of.name, used.perScrape.Round(time.Microsecond), float64(used.resident)/1e6)
			side.in.scrape = append(side.in.scrape, used.perScrape.Seconds())
			side.in.size = append(side.in.size, float64(used.resident))
			side.in.peak = append(side.in.peak, float64(used.peak))
			side.in.own = append(side.in.own, float64(used.anonymous))
		}
	}
	return r, nil
}
