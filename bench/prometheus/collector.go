package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"github.com/watchkeeper/watchkeeper/bench/internal/program"
)

// collector is a way to run one of the two.
type collector struct{ name, binary string }

// running is a collector that runs.
type running struct {
	*program.Program
	otlp, metrics string
	client        *http.Client
}

// start runs the collector with an exporter of metrics: prometheus or nop.
func (c collector) start(ctx context.Context, exporter string) (*running, error) {
	ports, err := program.FreePorts(2)
	if err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`
receivers: {otlp: {protocols: {http: {endpoint: "localhost:%s"}}}}
exporters:
  prometheus: {endpoint: "localhost:%s"}
  nop: {}
service:
  pipelines: {metrics: {receivers: [otlp], exporters: [%s]}}
  telemetry: {logs: {level: error}, metrics: {level: none}}
`, ports[0], ports[1], exporter)
	p, err := program.Start(exec.Command(c.binary, "--config", "yaml:"+config))
	if err != nil {
		return nil, err
	}
	r := &running{p, "http://localhost:" + ports[0] + "/v1/metrics", "http://localhost:" + ports[1] + "/metrics",
		&http.Client{Transport: &http.Transport{DisableCompression: true}}}
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := r.send(ctx, nil)
		if err == nil {
			return r, nil
		}
		if ended := r.Err(); ended != nil || time.Now().After(deadline) {
			return nil, fmt.Errorf("waiting for %s: %w, %w", c.name, err, ended)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// stop ends the collector; its error counts if there is none yet.
func (r *running) stop(err *error) {
	r.client.CloseIdleConnections()
	if stopped := r.Stop(); *err == nil {
		*err = stopped
	}
}

// send posts a request and returns when the exporter has its points.
func (r *running) send(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.otlp, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("sending metrics: %s", response.Status)
	}
	return nil
}

func (r *running) sendAll(ctx context.Context, requests [][]byte, err error) error {
	for _, b := range requests {
		if err == nil {
			err = r.send(ctx, b)
		}
	}
	return err
}

// scrape returns the body, which stays packed, and the time until its end.
func (r *running) scrape(ctx context.Context, zipped bool, into io.Writer) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.metrics, nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Accept", "text/plain;version=0.0.4")
	request.Header.Set("Accept-Encoding", "identity")
	if zipped {
		request.Header.Set("Accept-Encoding", "gzip")
	}
	begin := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(into, response.Body)
	took := time.Since(begin)
	if packed := response.Header.Get("Content-Encoding") == "gzip"; err == nil && packed != zipped {
		return 0, fmt.Errorf("asked for gzip: %t, got it: %t", zipped, packed)
	}
	if err == nil && response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("scraping: %s", response.Status)
	}
	return took, err
}

// text is a whole scrape, unpacked.
func (r *running) text(ctx context.Context, zipped bool) ([]byte, error) {
	var b bytes.Buffer
	if _, err := r.scrape(ctx, zipped, &b); err != nil || !zipped {
		return b.Bytes(), err
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
