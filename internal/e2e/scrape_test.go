package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// scraped runs a collector that takes OTLP and serves it to Prometheus, and
// nothing else.
func scraped(t *testing.T, settings string) *watchkeeper {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scraped.yaml")
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(`
extensions:
  health_check: {endpoint: "${env:WATCHKEEPER_HEALTH_ENDPOINT}"}
receivers:
  otlp: {protocols: {http: {endpoint: "${env:WATCHKEEPER_OTLP_HTTP_ENDPOINT}"}}}
exporters:
  prometheus:
    endpoint: "${env:WATCHKEEPER_PROMETHEUS_ENDPOINT}"
    %s
service:
  extensions: [health_check]
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus]}}
  telemetry: {metrics: {level: none}}
`, settings)), 0o600))
	return startWatchkeeper(t, []string{"--config", file}, nil)
}

// newestPrometheus starts the Prometheus that "make peers" builds.
func newestPrometheus(t *testing.T, configuration string) *peers.Server {
	t.Helper()
	dir := peers.Dir(t, "")
	file := filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(configuration), 0o600))
	return peers.Start(t, peers.Command{
		Path: filepath.Join(peers.Root(t), "bin", "peers", "prometheus"),
		Dir:  dir,
		Args: func(dir string, port int) []string {
			return []string{
				"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
				"--web.listen-address=127.0.0.1:" + strconv.Itoa(port), "--enable-feature=exemplar-storage",
			}
		},
		Ready: func(ctx context.Context, endpoint string) error { return peers.OK(ctx, "http://"+endpoint+"/-/ready") },
	})
}

// sendMetrics offers metrics over OTLP/HTTP. When it returns, they are exposed.
func (w *watchkeeper) sendMetrics(t *testing.T, md pmetric.Metrics) {
	t.Helper()
	body, err := pmetricotlp.NewExportRequestFromMetrics(md).MarshalProto()
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+w.otlpHTTP+"/v1/metrics", bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", answer)
}

// manySeries makes series of several kinds; a histogram of eight buckets is ten
// samples.
func manySeries(from, to int, v float64) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "many")
	rm.Resource().Attributes().PutStr("service.instance.id", "many-1")
	sm := rm.ScopeMetrics().AppendEmpty()
	now := pcommon.NewTimestampFromTime(time.Now())
	began := pcommon.NewTimestampFromTime(time.Now().Add(-time.Hour))
	counter, gauge, histogram := sm.Metrics().AppendEmpty(), sm.Metrics().AppendEmpty(), sm.Metrics().AppendEmpty()
	counter.SetName("many.calls")
	counter.SetEmptySum().SetIsMonotonic(true)
	counter.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	gauge.SetName("many.level")
	gauge.SetUnit("By")
	gauge.SetEmptyGauge()
	histogram.SetName("many.latency")
	histogram.SetUnit("s")
	for _, m := range []pmetric.Metric{counter, gauge, histogram} {
		m.SetDescription("What many agents do.")
	}
	histogram.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	for i := from; i < to; i++ {
		name := fmt.Sprintf("agent \"%d\" \\ ☃", i)
		if i%10 == 0 {
			p := histogram.Histogram().DataPoints().AppendEmpty()
			p.Attributes().PutStr("agent", name)
			p.SetTimestamp(now)
			p.SetStartTimestamp(began)
			p.ExplicitBounds().FromRaw([]float64{0.01, 0.1, 0.5, 1, 5, 10, 60})
			p.BucketCounts().FromRaw([]uint64{1, 1, 1, 1, 1, 1, 1, uint64(v)})
			p.SetCount(7 + uint64(v))
			p.SetSum(v * 1.5)
			continue
		}
		points := gauge.Gauge().DataPoints()
		if i%2 == 0 {
			points = counter.Sum().DataPoints()
		}
		p := points.AppendEmpty()
		p.Attributes().PutStr("agent", name)
		p.SetTimestamp(now)
		p.SetStartTimestamp(began)
		p.SetDoubleValue(v * float64(i) / 3)
	}
	return md
}

// samplesOf n of manySeries, and target_info.
func samplesOf(n int) float64 { return float64(n/10*10 + n - n/10 + 1) }

// suspicious is what Prometheus logs when a scrape is not as it should be.
var suspicious = regexp.MustCompile(`(?i)(level=(warn|error)|out.of.order|duplicate|append failed|invalid|cannot parse)`)

func TestBothPrometheusReadAHundredThousandSeries(t *testing.T) {
	const n = 100_000 // which are 190,001 samples
	w := scraped(t, "enable_open_metrics: true")
	configuration := fmt.Sprintf(`
global: {scrape_interval: 2s}
scrape_configs: [{job_name: many, honor_labels: true, static_configs: [{targets: ["%s"]}]}]
`, w.metrics)
	send := func(from, to int, v float64) {
		for ; from < to; from += 5000 {
			w.sendMetrics(t, manySeries(from, min(from+5000, to), v))
		}
	}
	send(0, n, 1)
	t.Run("promtool", func(t *testing.T) {
		body, err := w.scrape(t.Context())
		require.NoError(t, err)
		check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
		check.Stdin = strings.NewReader(body)
		out, err := check.CombinedOutput()
		// Style is not a fault of format: of these names it has nothing to say either.
		require.NoError(t, err, "%.1000s", out)
	})
	for name, start := range map[string]func() *peers.Server{
		"Debian": func() *peers.Server { return peers.Prometheus(t, configuration) },
		"newest": func() *peers.Server { return newestPrometheus(t, configuration) },
	} {
		t.Run(name, func(t *testing.T) {
			server := start()
			p := prometheus{url: "http://" + server.Endpoint}
			value := 2.0
			require.Eventually(t, func() bool {
				send(int(value)%10*5000, int(value)%10*5000+5000, value)
				value++
				return p.truth(t.Context(), `count_over_time(up{job="many"}[5m]) >= 10`)
			}, 2*time.Minute, 500*time.Millisecond)
			require.True(t, p.truth(t.Context(), `min_over_time(up{job="many"}[5m]) == 1`), "%v", p.scrapeErrors(t))
			require.Empty(t, p.scrapeErrors(t))
			require.True(t, p.truth(t.Context(), fmt.Sprintf(`min_over_time(scrape_samples_scraped[5m]) == %v`, samplesOf(n))),
				"%v", p.must(t, "min_over_time(scrape_samples_scraped[5m])"))
			require.True(t, p.truth(t.Context(), `count(many_calls_total) + count(many_level_bytes) + count(many_latency_seconds_count) == `+strconv.Itoa(n)))
			log, err := os.ReadFile(filepath.Join(server.Dir, "log"))
			require.NoError(t, err)
			for line := range strings.Lines(string(log)) {
				if suspicious.MatchString(line) {
					t.Errorf("%s logs: %s", name, line)
				}
			}
			server.Stop()
		})
	}
}

func TestPrometheusHasNativeHistogramsAndExemplars(t *testing.T) {
	w := scraped(t, "enable_open_metrics: true")
	server := newestPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_native_histograms: true}
scrape_configs: [{job_name: native, honor_labels: true, static_configs: [{targets: ["%s"]}]}]
`, w.metrics))
	p := prometheus{url: "http://" + server.Endpoint}
	now := time.Now()
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "planner")
	rm.Resource().Attributes().PutStr("service.instance.id", "planner-1")
	ms := rm.ScopeMetrics().AppendEmpty().Metrics()

	m := ms.AppendEmpty()
	m.SetName("answer.size")
	m.SetUnit("By")
	m.SetEmptyExponentialHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	e := m.ExponentialHistogram().DataPoints().AppendEmpty()
	e.SetTimestamp(pcommon.NewTimestampFromTime(now))
	e.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-time.Minute)))
	e.SetScale(0) // bucket i is (2^i, 2^(i+1)]
	e.Positive().SetOffset(9)
	e.Positive().BucketCounts().FromRaw([]uint64{0, 10, 0, 0, 0, 30})
	e.SetZeroCount(2)
	e.SetCount(42)
	e.SetSum(500_000)
	native := e.Exemplars().AppendEmpty()
	exemplarAt(native, 20_000, 1, now)

	m = ms.AppendEmpty()
	m.SetName("answer.time")
	m.SetUnit("s")
	m.SetEmptyHistogram().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	h := m.Histogram().DataPoints().AppendEmpty()
	h.SetTimestamp(pcommon.NewTimestampFromTime(now))
	h.ExplicitBounds().FromRaw([]float64{1, 10})
	h.BucketCounts().FromRaw([]uint64{1, 2, 3})
	h.SetCount(6)
	h.SetSum(60)
	exemplarAt(h.Exemplars().AppendEmpty(), 5, 2, now)

	m = ms.AppendEmpty()
	m.SetName("answers")
	m.SetEmptySum().SetIsMonotonic(true)
	m.Sum().SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
	c := m.Sum().DataPoints().AppendEmpty()
	c.SetTimestamp(pcommon.NewTimestampFromTime(now))
	c.SetDoubleValue(7)
	exemplarAt(c.Exemplars().AppendEmpty(), 1, 3, now)
	w.sendMetrics(t, md)

	one := func(expr string, want float64) {
		t.Helper()
		require.Eventually(t, func() bool {
			got, err := p.query(t.Context(), expr)
			return err == nil && len(got) == 1 && got[0].value == want
		}, 30*time.Second, 200*time.Millisecond, "%s is not %v", expr, want)
	}
	one(`histogram_count(answer_size_bytes{instance="planner-1"})`, 42)
	one(`histogram_sum(answer_size_bytes)`, 500_000)
	one(`histogram_fraction(1024, 2048, answer_size_bytes) * 42`, 10)
	one(`histogram_fraction(16384, 32768, answer_size_bytes) * 42`, 30)
	one(`answers_total`, 7)
	one(`answer_time_seconds_bucket{le="10.0"}`, 3)
	require.Empty(t, p.scrapeErrors(t))

	for series, trace := range map[string]string{"answer_size_bytes": "01", "answer_time_seconds_bucket": "02", "answers_total": "03"} {
		var data []struct {
			Exemplars []struct{ Labels map[string]string }
		}
		query := url.Values{"query": {series}, "start": {now.Add(-time.Hour).Format(time.RFC3339)}, "end": {now.Add(time.Hour).Format(time.RFC3339)}}
		require.Eventually(t, func() bool {
			return p.get(t.Context(), "/api/v1/query_exemplars?"+query.Encode(), &data) == nil && len(data) == 1
		}, 30*time.Second, 200*time.Millisecond, series)
		require.Len(t, data[0].Exemplars, 1)
		require.Equal(t, map[string]string{"trace_id": trace + strings.Repeat("0", 30), "span_id": trace + strings.Repeat("0", 14)},
			data[0].Exemplars[0].Labels)
	}
}

// Who may read the metrics is decided by the extensions for that, and told to
// Prometheus in its own words.
func TestPrometheusShowsItsCredentials(t *testing.T) {
	file := filepath.Join(t.TempDir(), "guarded.yaml")
	byToken := peers.FreeEndpoint(t)
	require.NoError(t, os.WriteFile(file, []byte(fmt.Sprintf(`
extensions:
  health_check: {endpoint: "${env:WATCHKEEPER_HEALTH_ENDPOINT}"}
  basicauth: {htpasswd: {inline: "scraper:open sesame"}}
  bearertokenauth: {token: "a-token-of-trust"}
receivers:
  otlp: {protocols: {http: {endpoint: "${env:WATCHKEEPER_OTLP_HTTP_ENDPOINT}"}}}
exporters:
  prometheus/password:
    endpoint: "${env:WATCHKEEPER_PROMETHEUS_ENDPOINT}"
    auth: {authenticator: basicauth}
  prometheus/token:
    endpoint: "%s"
    auth: {authenticator: bearertokenauth}
service:
  extensions: [health_check, basicauth, bearertokenauth]
  pipelines: {metrics: {receivers: [otlp], exporters: [prometheus/password, prometheus/token]}}
  telemetry: {metrics: {level: none}}
`, byToken)), 0o600))
	w := startWatchkeeper(t, []string{"--config", file}, nil)
	w.sendMetrics(t, manySeries(0, 50, 1))
	for _, endpoint := range []string{w.metrics, byToken} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+endpoint+"/metrics", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusUnauthorized, response.StatusCode)
		require.NotContains(t, string(body), "many_")
	}

	server := newestPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: password
    basic_auth: {username: scraper, password: open sesame}
    static_configs: [{targets: ["%[1]s"]}]
  - job_name: wrong password
    basic_auth: {username: scraper, password: close sesame}
    static_configs: [{targets: ["%[1]s"]}]
  - job_name: token
    authorization: {credentials: a-token-of-trust}
    static_configs: [{targets: ["%[2]s"]}]
  - job_name: wrong token
    authorization: {credentials: another-token}
    static_configs: [{targets: ["%[2]s"]}]
`, w.metrics, byToken))
	p := prometheus{url: "http://" + server.Endpoint}
	scrapes := func(job string) string { return fmt.Sprintf("count_over_time(up{job=%q}[5m]) >= 3", job) }
	for _, job := range []string{"password", "wrong password", "token", "wrong token"} {
		require.Eventually(t, func() bool { return p.truth(t.Context(), scrapes(job)) }, 30*time.Second, 200*time.Millisecond, job)
	}
	for job, up := range map[string]int{"password": 1, "token": 1, "wrong password": 0, "wrong token": 0} {
		require.True(t, p.truth(t.Context(), fmt.Sprintf("min_over_time(up{job=%[1]q}[5m]) == %[2]d and max_over_time(up{job=%[1]q}[5m]) == %[2]d", job, up)),
			"%s: %v", job, p.scrapeErrors(t))
		got := p.must(t, fmt.Sprintf("count(many_level_bytes{job=%q})", job))
		if up == 0 {
			require.Empty(t, got, job)
			continue
		}
		require.Len(t, got, 1, job)
		require.InDelta(t, 25, got[0].value, 0, job)
	}
}

func exemplarAt(e pmetric.Exemplar, v float64, id byte, at time.Time) {
	e.SetDoubleValue(v)
	e.SetTimestamp(pcommon.NewTimestampFromTime(at))
	e.SetTraceID(pcommon.TraceID{id})
	e.SetSpanID(pcommon.SpanID{id})
}
