package differential

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus"
)

// pair is both exporters with the same configuration.
type pair struct{ ours, theirs running }

type running struct {
	exporter.Metrics
	url string
}

func start(t *testing.T, settings map[string]any) pair {
	return pair{begin(t, prometheus.NewFactory(), settings), begin(t, prometheusexporter.NewFactory(), settings)}
}

func begin(t *testing.T, factory exporter.Factory, settings map[string]any) running {
	free, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	all := maps.Clone(settings)
	if all == nil {
		all = map[string]any{}
	}
	all["endpoint"] = address
	config := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(all).Unmarshal(config))
	require.NoError(t, confmap.Validate(config))
	e, err := factory.CreateMetrics(t.Context(), exportertest.NewNopSettings(factory.Type()), config)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
	return running{e, "http://" + address + "/metrics"}
}

func (p pair) consume(t *testing.T, md pmetric.Metrics) {
	for _, e := range []running{p.ours, p.theirs} {
		mine := pmetric.NewMetrics()
		md.CopyTo(mine) // one of them changes what it gets
		require.NoError(t, e.ConsumeMetrics(t.Context(), mine))
	}
}

// The formats, as a client asks for them.
const (
	text     = "text/plain;version=0.0.4;escaping=allow-utf-8"
	open     = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
	protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8"
)

// scrape returns the samples with their type and description, one a line,
// sorted, labels without a value left out. In OpenMetrics a line is what the
// scrape has.
func (r running) scrape(t *testing.T, accept string) []string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url, nil)
	require.NoError(t, err)
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s", body)
	if accept == open {
		require.True(t, bytes.HasSuffix(body, []byte("# EOF\n")))
		return openLines(string(body))
	}
	format := expfmt.ResponseFormat(response.Header).WithEscapingScheme(model.NoEscaping)
	decoder := expfmt.NewDecoder(bytes.NewReader(body), format)
	var lines []string
	for {
		var family dto.MetricFamily
		if err := decoder.Decode(&family); err == io.EOF {
			break
		} else {
			require.NoError(t, err, "%s", body)
		}
		for _, m := range family.GetMetric() {
			lines = append(lines, line(&family, m))
		}
	}
	slices.Sort(lines)
	return lines
}

func line(family *dto.MetricFamily, m *dto.Metric) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q %s{", family.GetType(), family.GetHelp(), family.GetName())
	for _, l := range m.GetLabel() {
		if l.GetValue() != "" {
			fmt.Fprintf(&b, "%s=%q,", l.GetName(), l.GetValue())
		}
	}
	b.WriteString("} ")
	m.Label = nil
	for _, e := range exemplars(m) {
		slices.SortFunc(e.GetLabel(), func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	}
	if h := m.GetHistogram(); h != nil && len(h.GetBucket()) == 0 && h.Schema == nil || h != nil && len(h.GetBucket()) > 0 {
		// The bucket without a bound goes without saying, unless it has an exemplar.
		h.Bucket = slices.DeleteFunc(h.Bucket, func(b *dto.Bucket) bool {
			return b.GetUpperBound() > 1e308 && b.GetExemplar() == nil
		})
	}
	if h := m.GetHistogram(); h != nil {
		// Empty buckets of native histograms may be there or left out.
		fmt.Fprint(&b, native(h.PositiveSpan, h.PositiveDelta), native(h.NegativeSpan, h.NegativeDelta), " ")
		h.PositiveSpan, h.PositiveDelta, h.NegativeSpan, h.NegativeDelta = nil, nil, nil, nil
	}
	b.WriteString(strings.Join(strings.Fields(m.String()), " ")) // which has random spaces
	return b.String()
}

// native returns the buckets that are not empty.
func native(spans []*dto.BucketSpan, deltas []int64) map[int32]int64 {
	buckets := map[int32]int64{}
	index, count, i := int32(0), int64(0), 0
	for _, s := range spans {
		index += s.GetOffset()
		for range s.GetLength() {
			count += deltas[i]
			i++
			if count != 0 {
				buckets[index] = count
			}
			index++
		}
	}
	return buckets
}

// swapped are the labels of an exemplar in the order that is not ours; theirs is
// random.
var swapped = regexp.MustCompile(`\{(span_id="[^"]*"),(trace_id="[^"]*")\}`)

// exemplars returns those of a metric.
func exemplars(m *dto.Metric) (all []*dto.Exemplar) {
	all = append(all, m.GetCounter().GetExemplar())
	for _, b := range m.GetHistogram().GetBucket() {
		all = append(all, b.GetExemplar())
	}
	return append(all, m.GetHistogram().GetExemplars()...)
}

// openLines sorts the lines of OpenMetrics, without empty labels.
func openLines(body string) []string {
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "# UNIT ") }) // only we have them
	for i, l := range lines {
		l = swapped.ReplaceAllString(l, "{$2,$1}")
		for _, empty := range []string{`otel_scope_name=""`, `otel_scope_schema_url=""`, `otel_scope_version=""`} {
			l = strings.ReplaceAll(l, ","+empty, "")
			l = strings.ReplaceAll(l, empty+",", "")
			l = strings.ReplaceAll(l, "{"+empty+"}", "")
		}
		lines[i] = l
	}
	slices.Sort(lines)
	return lines
}

// difference returns what only one of the two has.
func difference(ours, theirs []string) (more, less []string) {
	count := map[string]int{}
	for _, l := range theirs {
		count[l]++
	}
	for _, l := range ours {
		if count[l] == 0 {
			more = append(more, l)
		} else {
			count[l]--
		}
	}
	for _, l := range slices.Sorted(maps.Keys(count)) {
		for range count[l] {
			less = append(less, l)
		}
	}
	return more, less
}
