package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/watchkeeper/watchkeeper/bench/internal/program"
)

// collector is a way to run one of the two.
type collector struct {
	name   string
	binary string
	// receiver returns the receivers section of a configuration.
	receiver func(scenario) string
}

// start runs the collector. Its metrics go to an exporter: nop, or otlp_http with
// an endpoint.
func (c collector) start(s scenario, endpoint string) (*running, error) {
	ports, err := program.FreePorts(1)
	if err != nil {
		return nil, err
	}
	exporter := "nop: {}"
	if endpoint != "" {
		exporter = fmt.Sprintf("otlp_http: {endpoint: %q, compression: none, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}", endpoint)
	}
	exporterName, _, _ := strings.Cut(exporter, ":")
	config := c.receiver(s) + fmt.Sprintf(`
exporters: {%s}
service:
  pipelines:
    metrics: {receivers: [%s], exporters: [%s]}
  telemetry:
    logs: {level: warn}
    metrics:
      level: basic
      readers: [{pull: {exporter: {prometheus: {host: localhost, port: %s}}}}]
`, exporter, c.name, exporterName, ports[0])
	p, err := program.Start(exec.Command(c.binary, "--config", "yaml:"+config))
	if err != nil {
		return nil, err
	}
	return &running{p, "http://localhost:" + ports[0] + "/metrics"}, nil
}

// errUneven says that a round did not have the scrapes that it should have: one was
// under way when it ended, or took longer than the interval.
var errUneven = errors.New("the host is too busy")

// usage is what a collector took in a round.
type usage struct {
	perScrape time.Duration // processor time
	resident  int64         // bytes, at the end
	peak      int64
	anonymous int64 // bytes that no file is behind, at the end
}

// round runs the collector alone for s.scrapes scrapes after warming up. A scrape
// makes the given number of points; with 0, when there are no points to count,
// scrapes are as many as the interval makes them.
func (c collector) round(ctx context.Context, s scenario, points int) (used usage, err error) {
	r, err := c.start(s, "")
	if err != nil {
		return used, err
	}
	defer func() {
		if stopped := r.Stop(); err == nil {
			err = stopped
		}
	}()
	before, err := r.warm(ctx, s, points)
	if err != nil {
		return used, err
	}
	begin, err := r.CPUTime()
	if err != nil {
		return used, err
	}
	// It begins just after a scrape, so it ends just after one; the quarter is for
	// one that takes longer than the first did.
	if err := r.sleep(ctx, time.Duration(s.scrapes)*s.interval+s.interval/4); err != nil {
		return used, err
	}
	end, err := r.CPUTime()
	if err != nil {
		return used, err
	}
	if used.resident, used.peak, err = r.Resident(); err != nil {
		return used, err
	}
	if used.anonymous, err = r.Anonymous(); err != nil {
		return used, err
	}
	if points > 0 {
		after, err := r.accepted(ctx)
		if err != nil {
			return used, err
		}
		if after-before != s.scrapes*points {
			return used, fmt.Errorf("%w: %s made %d points in %d scrapes of %d", errUneven, c.name, after-before, s.scrapes, points)
		}
	}
	used.perScrape = (end - begin) / time.Duration(s.scrapes)
	return used, nil
}

// running is a collector that runs.
type running struct {
	*program.Program
	telemetry string
}

// warm returns just after a scrape has ended, and the points up to then.
func (r *running) warm(ctx context.Context, s scenario, points int) (before int, err error) {
	patience, cancel := context.WithTimeout(ctx, 30*time.Second+3*warmUp*s.interval)
	defer cancel()
	for { // until it serves its telemetry
		if before, err = r.accepted(patience); err == nil {
			break
		}
		if err := r.sleep(patience, 20*time.Millisecond); err != nil {
			return 0, err
		}
	}
	if points == 0 {
		return 0, r.sleep(ctx, (warmUp+1)*s.interval)
	}
	if err := r.sleep(ctx, (warmUp-1)*s.interval); err != nil {
		return 0, err
	}
	if before, err = r.accepted(patience); err != nil {
		return 0, err
	}
	for before = max(before, (warmUp-1)*points); ; {
		now, err := r.accepted(patience)
		if err != nil {
			return 0, err
		}
		if now > before {
			return now, nil
		}
		if err := r.sleep(patience, s.interval/50); err != nil {
			return 0, err
		}
	}
}

// sleep returns early, with an error, when the collector ends.
func (r *running) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.Ended():
		return r.Err()
	}
}

// accepted asks the collector how many points it has received.
func (r *running) accepted(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.telemetry, nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if ended := r.Err(); ended != nil {
			return 0, ended
		}
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s answered %s", r.telemetry, response.Status)
	}
	return parseAccepted(response.Body)
}

// parseAccepted adds up the counter of received points; a collector that has not
// received any does not have it yet.
func parseAccepted(exposition io.Reader) (sum int, err error) {
	lines := bufio.NewScanner(exposition)
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), "{")
		if name != "otelcol_receiver_accepted_metric_points_total" && name != "otelcol_receiver_accepted_metric_points" {
			continue
		}
		points, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
		if err != nil {
			return 0, err
		}
		sum += int(points)
	}
	return sum, lines.Err()
}
