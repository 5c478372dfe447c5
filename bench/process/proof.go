package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// proof is what two collectors agreed on.
type proof struct {
	summary                string
	ourPoints, theirPoints int // of one scrape
}

// prove runs both collectors at the same time, and compares what they send of a
// crowd that is asleep: the sums of our group with the sums over their processes.
// In between some of the crowd work, so that counters have something to count.
func prove(ctx context.Context, s scenario, c *crowd, ours, theirs collector) (p proof, err error) {
	inbox, err := newInbox(ctx)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, inbox.Close()) }()

	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	both := []collector{ours, theirs}
	var runs []*running
	for _, of := range both {
		r, err := of.start(s, inbox.endpoint(of.name))
		if err != nil {
			return p, err
		}
		defer func() {
			if stopped := r.Stop(); err == nil {
				err = stopped
			}
		}()
		runs = append(runs, r)
	}
	var before, after [2]pmetric.Metrics
	for i, of := range both {
		if before[i], err = inbox.next(ctx, runs[i], of.name); err != nil {
			return p, err
		}
	}
	if err := c.exert(ctx); err != nil {
		return p, err
	}
	for i, of := range both {
		if after[i], err = inbox.next(ctx, runs[i], of.name); err != nil {
			return p, err
		}
	}
	if n := after[1].ResourceMetrics().Len(); n != s.processes {
		return p, fmt.Errorf("host_metrics sees %d processes where there are %d", n, s.processes)
	}
	p.ourPoints, p.theirPoints = after[0].DataPointCount(), after[1].DataPointCount()
	p.summary, err = compare(s.compared, workers(s.processes), growth(s.compared, before[0], after[0]), growth(s.compared, before[1], after[1]))
	return p, err
}

// growth returns the sums of the second reading, less, for counters, those of the
// first.
func growth(compared []comparison, before, after pmetric.Metrics) map[string]float64 {
	first, result := sums(before), sums(after)
	for key := range result {
		if slices.ContainsFunc(compared, func(c comparison) bool { return c.counter && (metricOf(key) == c.ours || metricOf(key) == c.theirs) }) {
			result[key] -= first[key]
		}
	}
	return result
}

// compare returns a line that says what is equal, or an error that has all that
// is not.
func compare(compared []comparison, workers int, ours, theirs map[string]float64) (string, error) {
	var equal []string
	wrong := slices.Concat(
		surplus("agent_process", ours, compared, func(c comparison) string { return c.ours }),
		surplus("host_metrics", theirs, compared, func(c comparison) string { return c.theirs }))
	for _, c := range compared {
		parts := slices.DeleteFunc(slices.Sorted(maps.Keys(theirs)), func(key string) bool {
			return metricOf(key) != c.theirs || strings.HasSuffix(key, "/wait")
		})
		if len(parts) == 0 {
			wrong = append(wrong, fmt.Errorf("%s: host_metrics sends no %s", c.what, c.theirs))
		}
		for _, part := range parts {
			direction := strings.TrimPrefix(part, c.theirs)
			what := c.what + strings.Replace(direction, "/", " ", 1)
			own, sent := ours[c.ours+direction]
			// What adds up hundredths of a second in floating point is not exact.
			const rounding = 1e-6
			switch off := math.Abs(own - theirs[part]); {
			case !sent:
				wrong = append(wrong, fmt.Errorf("%s: agent_process sends no %s", what, c.ours+direction))
			case off > c.perWorker*float64(workers)+c.slack+rounding:
				wrong = append(wrong, fmt.Errorf("%s: agent_process says %.12g, host_metrics %.12g", what, own, theirs[part]))
			case off > rounding:
				equal = append(equal, fmt.Sprintf("%s %.12g (%.2g off)", what, own, off))
			default:
				equal = append(equal, fmt.Sprintf("%s %.12g", what, own))
			}
		}
	}
	return strings.Join(equal, ", "), errors.Join(wrong...)
}

// surplus finds what a collector sends beyond what is compared: work that the
// other does not have.
func surplus(collector string, sent map[string]float64, compared []comparison, name func(comparison) string) (wrong []error) {
	for _, key := range slices.Sorted(maps.Keys(sent)) {
		if !slices.ContainsFunc(compared, func(c comparison) bool { return name(c) == metricOf(key) }) {
			wrong = append(wrong, fmt.Errorf("%s sends %s, which is not compared", collector, key))
		}
	}
	return wrong
}

// sums adds up the points of each metric, apart for user and system time and for
// what is read and written.
func sums(m pmetric.Metrics) map[string]float64 {
	result := map[string]float64{}
	for _, resource := range m.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, metric := range scope.Metrics().All() {
				for _, point := range points(metric).All() {
					result[metric.Name()+direction(point.Attributes())] += value(point)
				}
			}
		}
	}
	return result
}

func points(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeSum {
		return m.Sum().DataPoints()
	}
	return m.Gauge().DataPoints()
}

func value(p pmetric.NumberDataPoint) float64 {
	if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return float64(p.IntValue())
	}
	return p.DoubleValue()
}

// direction tells the parts of a metric apart by the values of their attribute,
// whose name differs between the two.
func direction(attributes pcommon.Map) string {
	for _, v := range attributes.All() {
		switch v.Str() {
		case "user", "system", "wait", "read", "write":
			return "/" + v.Str()
		}
	}
	return ""
}

func metricOf(key string) string {
	name, _, _ := strings.Cut(key, "/")
	return name
}

// inbox is a server that keeps the last metrics of each sender.
type inbox struct {
	server   *http.Server
	base     string
	mu       sync.Mutex
	counts   map[string]int
	received map[string]pmetric.Metrics
}

// maxRequest is beyond what 20,000 processes make.
const maxRequest = 64 << 20

func newInbox(ctx context.Context) (*inbox, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:0")
	if err != nil {
		return nil, err
	}
	b := &inbox{base: "http://" + l.Addr().String() + "/", counts: map[string]int{}, received: map[string]pmetric.Metrics{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{sender}/v1/metrics", b.take)
	b.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.server.Serve(l) }() // until Close
	return b, nil
}

func (b *inbox) Close() error { return b.server.Close() }

func (b *inbox) endpoint(sender string) string { return b.base + sender }

func (b *inbox) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	request := pmetricotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts[r.PathValue("sender")]++
	b.received[r.PathValue("sender")] = request.Metrics()
	answer, _ := pmetricotlp.NewExportResponse().MarshalProto()
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

// next returns what a collector sends of its second scrape from now on, which has
// begun after now; of the first scrapes of all, the third.
func (b *inbox) next(ctx context.Context, r *running, sender string) (pmetric.Metrics, error) {
	known, _ := b.last(sender)
	for {
		n, m := b.last(sender)
		if n >= max(known+2, warmUp) {
			return m, nil
		}
		if err := r.sleep(ctx, 50*time.Millisecond); err != nil {
			return m, fmt.Errorf("waiting for what %s sends: %w", sender, err)
		}
	}
}

// last returns how many requests a sender has made, and the metrics of the last.
func (b *inbox) last(sender string) (int, pmetric.Metrics) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts[sender], b.received[sender]
}
