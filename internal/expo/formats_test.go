package expo

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protodelim"
)

// decoded reads a scrape in protocol buffers.
func decoded(t testing.TB, s *Store) map[string]*dto.MetricFamily {
	found := map[string]*dto.MetricFamily{}
	r := bytes.NewReader(scrape(t, s, at(0), Format{Syntax: Protobuf}))
	for {
		f := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(r, f); errors.Is(err, io.EOF) {
			return found
		} else {
			require.NoError(t, err)
		}
		if have := found[f.GetName()]; have != nil {
			have.Metric = append(have.Metric, f.Metric...)
		} else {
			found[f.GetName()] = f
		}
	}
}

// everyKind fills a store with something of each type.
func everyKind(t testing.TB, o Options) *Store {
	o.MaxSeries = 1000
	s := New(o)
	exemplars := []Exemplar{{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Value: 0.3, Time: 1_500_000_000}, {SpanID: [8]byte{3}, Value: 50}}
	put(t, s, at(0), Family{Name: "calls_total", Help: `Calls "so far".`, Type: Counter}, Sample{
		Value: 1, Created: 2_500_000_000, Time: 3_000_000_000, Exemplars: exemplars}, Label{"a", "x\"\\\ny"})
	put(t, s, at(0), Family{Name: "odd", Type: Counter}, Sample{Value: 5})
	put(t, s, at(0), Family{Name: "level.dots", Unit: "dots", Type: Gauge}, Sample{Value: -1}, Label{"b.c", "1"})
	put(t, s, at(0), Family{Name: "wait_seconds", Unit: "seconds", Type: Histogram}, Sample{
		Count: 6, Sum: 60, Bounds: []float64{0.5, 1, math.Inf(1)}, Buckets: []uint64{1, 2, 3, 0}, Created: 1e9, Exemplars: exemplars}, Label{"a", "1"})
	put(t, s, at(0), Family{Name: "pause", Type: Summary}, Sample{Count: 2, Sum: 3, Quantiles: []Quantile{{0.5, 1}, {1, math.NaN()}}})
	put(t, s, at(0), Family{Name: "untyped"}, Sample{Value: math.Inf(-1)})
	return s
}

func TestOpenMetrics(t *testing.T) {
	s := everyKind(t, Options{CreatedLines: true})
	require.Equal(t, `# HELP calls Calls \"so far\".
# TYPE calls counter
calls_total{a="x\"\\\ny"} 1.0 # {span_id="0300000000000000"} 50.0
calls_created{a="x\"\\\ny"} 2.5
# HELP "level.dots" `+`
# TYPE "level.dots" gauge
{"level.dots","b.c"="1"} -1.0
# HELP odd `+`
# TYPE odd unknown
odd 5.0
# HELP pause `+`
# TYPE pause summary
pause{quantile="0.5"} 1.0
pause{quantile="1.0"} NaN
pause_sum 3.0
pause_count 2
# HELP untyped `+`
# TYPE untyped unknown
untyped -Inf
# HELP wait_seconds `+`
# TYPE wait_seconds histogram
# UNIT wait_seconds seconds
wait_seconds_bucket{a="1",le="0.5"} 1 # {trace_id="01000000000000000000000000000000",span_id="0200000000000000"} 0.3 1.5
wait_seconds_bucket{a="1",le="1.0"} 3
wait_seconds_bucket{a="1",le="+Inf"} 6 # {span_id="0300000000000000"} 50.0
wait_seconds_sum{a="1"} 60.0
wait_seconds_count{a="1"} 6
wait_seconds_created{a="1"} 1.0
# EOF
`, string(scrape(t, s, at(0), Format{Syntax: OpenMetrics})))
}

func TestOpenMetricsIsThatOfPrometheusOwnLibrary(t *testing.T) {
	s := everyKind(t, Options{CreatedLines: true, Timestamps: true})
	var theirs bytes.Buffer
	families := decoded(t, s)
	for _, name := range []string{"calls_total", "level.dots", "odd", "pause", "untyped", "wait_seconds"} {
		_, err := expfmt.MetricFamilyToOpenMetrics(&theirs, families[name], expfmt.WithCreatedLines())
		require.NoError(t, err)
	}
	require.Equal(t, theirs.String()+openEnd, string(scrape(t, s, at(0), Format{Syntax: OpenMetrics})))
}

// Where a counter without _total would have the name of another family, it keeps
// it in OpenMetrics, and is of unknown type.
func TestOpenMetricsHasEachNameOnce(t *testing.T) {
	s := New(Options{MaxSeries: 10})
	put(t, s, at(0), Family{Name: "a_total", Type: Counter}, Sample{Value: 1})
	put(t, s, at(0), Family{Name: "a", Type: Gauge}, Sample{Value: 2})
	require.Equal(t, "# HELP a \n# TYPE a gauge\na 2.0\n# HELP a_total \n# TYPE a_total unknown\na_total 1.0\n# EOF\n",
		string(scrape(t, s, at(0), Format{Syntax: OpenMetrics})))
}

func TestNativeHistograms(t *testing.T) {
	s := New(Options{MaxSeries: 10})
	native := &Native{Scale: 3, ZeroCount: 4, Positive: Buckets{Offset: -3, Counts: []uint64{1, 0, 0, 2, 0, 0, 0, 7}},
		Negative: Buckets{Offset: 5, Counts: []uint64{0, 3}}}
	put(t, s, at(0), Family{Name: "n", Type: Histogram}, Sample{Count: 17, Sum: 2, Native: native,
		Exemplars: []Exemplar{{TraceID: [16]byte{1}, Value: 1, Time: 5e9}, {TraceID: [16]byte{2}, Value: 1}}})
	h := decoded(t, s)["n"].Metric[0].Histogram
	require.Equal(t, int32(3), h.GetSchema())
	require.Equal(t, uint64(4), h.GetZeroCount())
	require.InDelta(t, 1e-128, h.GetZeroThreshold(), 0)
	require.Equal(t, []int64{1, -1, 0, 2, 5}, h.PositiveDelta)
	require.Len(t, h.PositiveSpan, 2)
	require.Equal(t, []int32{-2, 3}, []int32{h.PositiveSpan[0].GetOffset(), h.PositiveSpan[1].GetOffset()})
	require.Equal(t, []uint32{4, 1}, []uint32{h.PositiveSpan[0].GetLength(), h.PositiveSpan[1].GetLength()})
	require.Equal(t, []int64{3}, h.NegativeDelta)
	require.Equal(t, int32(7), h.NegativeSpan[0].GetOffset())
	require.Len(t, h.Exemplars, 1, "one without a time is ignored by Prometheus")
	require.Equal(t, "# HELP n \n# TYPE n histogram\nn_bucket{le=\"+Inf\"} 17\nn_sum 2\nn_count 17\n", text(t, s, at(0)))
}

func TestNativeHistogramsAdd(t *testing.T) {
	a := &Native{Scale: 1, ZeroCount: 1, Positive: Buckets{Offset: 0, Counts: []uint64{1, 2, 3, 4}}}
	a.Add(&Native{Scale: 0, ZeroCount: 2, Positive: Buckets{Offset: -1, Counts: []uint64{10, 20, 30}}, Negative: Buckets{Counts: []uint64{5}}})
	require.Equal(t, &Native{Scale: 0, ZeroCount: 3, Positive: Buckets{Offset: -1, Counts: []uint64{10, 23, 37}},
		Negative: Buckets{Counts: []uint64{5}}}, a)

	// Far apart: coarser until it is few enough buckets, and nothing is lost.
	far := &Native{Scale: 20, Positive: Buckets{Offset: math.MaxInt32 - 1, Counts: []uint64{1}}}
	far.Add(&Native{Scale: 20, Positive: Buckets{Offset: math.MinInt32, Counts: []uint64{1}}})
	require.LessOrEqual(t, len(far.Positive.Counts), maxBuckets)

	wide := &Native{Scale: 0, Positive: Buckets{Offset: 0, Counts: []uint64{1, 2, 3}}}
	wide.Add(&Native{Scale: 0, ZeroThreshold: 4, ZeroCount: 9})
	require.Equal(t, uint64(12), wide.ZeroCount, "(1,2] and (2,4] are within 4")
	require.Equal(t, Buckets{Offset: 2, Counts: []uint64{3}}, wide.Positive)
}
