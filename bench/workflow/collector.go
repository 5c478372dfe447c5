package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/watchkeeper/watchkeeper/bench/internal/program"
)

// subject is one of the configurations that are compared. All are run by the same
// binary.
type subject struct {
	name string
	// connector is its section of a configuration, empty for passing through.
	connector string
}

var passThrough = subject{name: "pass-through"}

// workflow has its defaults, but for what is given in addition.
func workflow(more string) subject {
	return subject{"workflow", "workflow: {metrics_interval: 15s" + more + "}"}
}

// spanMetrics has the settings that cost it least while it tells what workflow
// tells: the dimensions that are labels there, no others, and no exemplars, which
// workflow has.
func spanMetrics(more string) subject {
	var b strings.Builder
	for _, key := range []string{
		"http.request.method", "http.route", "http.response.status_code", "gen_ai.tool.name", "gen_ai.agent.name", "mcp.method.name",
		"gen_ai.provider.name", "gen_ai.response.model", "db.operation.name", "db.collection.name", "error.type",
	} {
		fmt.Fprintf(&b, "{name: %s}, ", key)
	}
	return subject{"span_metrics", "span_metrics: {metrics_flush_interval: 15s, exclude_dimensions: [service.name, span.name], dimensions: [" +
		b.String() + "]" + more + "}"}
}

// start runs a collector whose metrics go to the given exporter: nop or prometheus.
func (s subject) start(ctx context.Context, binary, exporter string, environment ...string) (*running, error) {
	ports, err := program.FreePorts(3)
	if err != nil {
		return nil, err
	}
	connectors, pipelines := "", "traces: {receivers: [otlp], exporters: [nop]}"
	if s.connector != "" {
		name, _, _ := strings.Cut(s.connector, ":")
		connectors = "connectors: {" + s.connector + "}"
		pipelines = fmt.Sprintf("traces: {receivers: [otlp], exporters: [%s]}, metrics: {receivers: [%s], exporters: [%s]}", name, name, exporter)
	}
	config := fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:%s", max_recv_msg_size_mib: 64}}}}
%s
exporters:
  nop: {}
  prometheus: {endpoint: "localhost:%s"}
service:
  pipelines: {%s}
  telemetry:
    logs: {level: error}
    metrics: {level: basic, readers: [{pull: {exporter: {prometheus: {host: localhost, port: %s}}}}]}
`, ports[0], connectors, ports[1], pipelines, ports[2])
	cmd := exec.Command(binary, "--config", "yaml:"+config)
	cmd.Env = append(os.Environ(), environment...)
	p, err := program.Start(cmd)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("localhost:"+ports[0], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	r := &running{p, conn, "http://localhost:" + ports[1] + "/metrics", "http://localhost:" + ports[2] + "/metrics"}
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := r.send(ctx, nil)
		if err == nil {
			return r, nil
		}
		if ended := r.Err(); ended != nil {
			return nil, ended
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("waiting for %s: %w", s.name, err), r.Stop())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// running is a collector that runs.
type running struct {
	*program.Program
	conn               *grpc.ClientConn
	metrics, telemetry string
}

// stop ends the collector; its error counts if there is none yet.
func (r *running) stop(err *error) {
	if closed := r.conn.Close(); *err == nil {
		*err = closed
	}
	if stopped := r.Stop(); *err == nil {
		*err = stopped
	}
}

// raw passes encoded messages through, so that sending costs little.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Name() string                  { return "proto" }

func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// send returns when the collector has taken the request, or says that it has not
// taken all of it.
func (r *running) send(ctx context.Context, body []byte) error {
	var answer []byte
	err := r.conn.Invoke(ctx, "/opentelemetry.proto.collector.trace.v1.TraceService/Export", &body, &answer, grpc.ForceCodec(raw{}))
	if err != nil {
		return fmt.Errorf("sending spans: %w", err)
	}
	if len(answer) > 2 { // two bytes are an empty partial success
		return fmt.Errorf("not all spans were taken: %q", answer)
	}
	return nil
}

// stream sends requests at so many spans a second for a time, or as fast as they
// are taken if the rate is 0 and until count of them are sent. It returns the spans
// that were sent.
func (r *running) stream(ctx context.Context, l *load, rate int, requests int) (int, error) {
	begin := time.Now()
	for i := range requests {
		if rate > 0 {
			if err := r.sleep(ctx, time.Until(begin.Add(time.Duration(i)*time.Second*batchSize/time.Duration(rate)))); err != nil {
				return i * batchSize, err
			}
		}
		if err := r.send(ctx, l.next()); err != nil {
			return i * batchSize, errors.Join(err, r.Err())
		}
	}
	return requests * batchSize, nil
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

// point is a line of an exposition.
type point struct {
	name   string
	labels map[string]string
	value  float64
}

// scrape reads an exposition.
func scrape(ctx context.Context, url string) ([]point, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", url, response.Status)
	}
	return parse(response.Body)
}

// parse reads the lines that have a value. Label values with quotes or commas in
// them do not occur here.
func parse(exposition io.Reader) (points []point, err error) {
	lines := bufio.NewScanner(exposition)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		end := strings.LastIndexByte(line, ' ')
		p := point{labels: make(map[string]string)}
		if p.value, err = strconv.ParseFloat(line[end+1:], 64); err != nil {
			return nil, fmt.Errorf("reading %q: %w", line, err)
		}
		name, labels, _ := strings.Cut(line[:end], "{")
		p.name = name
		for pair := range strings.SplitSeq(strings.TrimSuffix(labels, "}"), ",") {
			key, value, _ := strings.Cut(pair, "=")
			p.labels[key] = strings.Trim(value, `"`)
		}
		points = append(points, p)
	}
	return points, lines.Err()
}

// telemetryOf returns the sum of the points of one metric of the collector's own.
func (r *running) telemetryOf(ctx context.Context, name string) (sum float64, err error) {
	points, err := scrape(ctx, r.telemetry)
	if err != nil {
		return 0, errors.Join(err, r.Err())
	}
	found := false
	for _, p := range points {
		if p.name == name || p.name == name+"_total" {
			sum += p.value
			found = true
		}
	}
	if !found {
		return 0, fmt.Errorf("%s is not among the collector's own metrics", name)
	}
	return sum, nil
}
