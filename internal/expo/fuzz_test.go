package expo

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// FuzzStore writes whatever the bytes spell and reads the result with Prometheus'
// own parser: each series accepted must be there once, with its value.
func FuzzStore(f *testing.F) {
	f.Add([]byte("\x01name\x00label\x00value\x00"), 1.5)
	f.Add([]byte("\x03h\x00le\x00\xff\x00\x01h_sum\x00\"\\\n\x00x\x00\x04h_count\x00a.b\x00c\x00"), math.NaN())
	f.Add([]byte("\x02\x00\x00\x00\x00 x\x00__name__\x00y\x00\x05#\x00{\x00}\x00"), math.Inf(-1))
	f.Fuzz(func(t *testing.T, script []byte, value float64) {
		s := New(Options{MaxSeries: 50, Timestamps: true})
		want := map[string]Sample{}
		words := strings.Split(string(script), "\x00")
		for len(words) >= 3 {
			first := words[0] + " "
			kind := Type(first[0] % 5)
			family := Family{Name: words[0][min(1, len(words[0])):], Help: words[2], Type: kind}
			labels := []Label{{words[1], words[2]}, {"le", "5"}, {"quantile", words[0]}}
			words = words[2:]
			sample := Sample{Time: int64(len(words)) * 1e6, Value: value}
			if kind == Histogram || kind == Summary {
				sample = Sample{Time: sample.Time, Count: uint64(len(words)), Sum: value,
					Bounds: []float64{-1, 2.5}, Buckets: []uint64{1, 1, uint64(len(words))},
					Quantiles: []Quantile{{0, 1}, {0.25, value}}}
			}
			h, err := open(s, at(0), family, labels...)
			if err != nil {
				continue
			}
			_, err = s.Set(at(0), h, &sample)
			require.NoError(t, err)
			want[identity(family, labels)] = sample
		}

		parser := expfmt.NewTextParser(model.UTF8Validation)
		written := text(t, s, at(0))
		families, err := parser.TextToMetricFamilies(bytes.NewBufferString(written))
		require.NoError(t, err, "%s", written)
		n := 0
		for name, family := range families {
			for _, m := range family.GetMetric() {
				key := fmt.Sprintf("%q", name)
				for _, l := range m.GetLabel() {
					key += fmt.Sprintf(" %q=%q", l.GetName(), l.GetValue())
				}
				sample, ok := want[key]
				require.True(t, ok, "%s is too much, of %v in\n%s", key, slices.Collect(maps.Keys(want)), written)
				compare(t, sample, family.GetType(), m)
				n++
			}
		}
		require.Equal(t, len(want), n, "%s", written)
		require.Equal(t, len(want), s.Stats().Series)
	})
}

// identity says again, in the plainest way, what Open's comment promises.
func identity(f Family, labels []Label) string {
	clean := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	reserved := map[string]bool{"__name__": true, "le": f.Type == Histogram, "quantile": f.Type == Summary}
	values := map[string][]string{}
	for _, l := range labels {
		name := clean(l.Name)
		if reserved[name] {
			name = "exported_" + name
		}
		if name != "" && l.Value != "" {
			values[name] = append(values[name], clean(l.Value))
		}
	}
	key := fmt.Sprintf("%q", clean(f.Name))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key += fmt.Sprintf(" %q=%q", name, strings.Join(values[name], ";"))
	}
	return key
}

func compare(t *testing.T, want Sample, kind dto.MetricType, m *dto.Metric) {
	same := func(want, got float64) {
		t.Helper()
		require.True(t, want == got || math.IsNaN(want) && math.IsNaN(got), "want %v, got %v", want, got)
	}
	require.Equal(t, want.Time/1e6, m.GetTimestampMs())
	switch kind {
	case dto.MetricType_GAUGE:
		same(want.Value, m.GetGauge().GetValue())
	case dto.MetricType_COUNTER:
		same(want.Value, m.GetCounter().GetValue())
	case dto.MetricType_UNTYPED:
		same(want.Value, m.GetUntyped().GetValue())
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		require.Equal(t, want.Count, h.GetSampleCount())
		same(want.Sum, h.GetSampleSum())
		require.Len(t, h.GetBucket(), 3)
		require.Equal(t, uint64(2), h.GetBucket()[1].GetCumulativeCount())
		same(2.5, h.GetBucket()[1].GetUpperBound())
		require.Equal(t, want.Count, h.GetBucket()[2].GetCumulativeCount())
	case dto.MetricType_SUMMARY:
		s := m.GetSummary()
		require.Equal(t, want.Count, s.GetSampleCount())
		same(want.Sum, s.GetSampleSum())
		require.Len(t, s.GetQuantile(), 2)
		same(want.Value, 0)
		same(want.Quantiles[1].Value, s.GetQuantile()[1].GetValue())
	}
}
