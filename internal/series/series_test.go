package series

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func attributes(t testing.TB, raw map[string]any) pcommon.Map {
	m := pcommon.NewMap()
	require.NoError(t, m.FromRaw(raw))
	return m
}

func TestOrderOfAttributesDoesNotMatter(t *testing.T) {
	a, b := pcommon.NewMap(), pcommon.NewMap()
	a.PutStr("x", "1")
	a.PutStr("y", "2")
	b.PutStr("y", "2")
	b.PutStr("x", "1")
	require.Equal(t, ID{}.Point(a), ID{}.Point(b))
}

func TestEveryPartOfASeriesIsPartOfItsIdentity(t *testing.T) {
	resource, scope := pcommon.NewResource(), pcommon.NewInstrumentationScope()
	metric := func(change func(pmetric.Metric)) ID {
		m := pmetric.NewMetric()
		m.SetName("m")
		m.SetUnit("By")
		m.SetEmptyGauge()
		change(m)
		return OfResource(resource).Scope(scope).Metric(m)
	}
	sum := func(at pmetric.AggregationTemporality, monotonic bool) func(pmetric.Metric) {
		return func(m pmetric.Metric) {
			m.SetEmptySum().SetAggregationTemporality(at)
			m.Sum().SetIsMonotonic(monotonic)
		}
	}
	ids := map[string]ID{
		"resource":         OfResource(resource),
		"scope":            OfResource(resource).Scope(scope),
		"metric":           metric(func(pmetric.Metric) {}),
		"other name":       metric(func(m pmetric.Metric) { m.SetName("n") }),
		"other unit":       metric(func(m pmetric.Metric) { m.SetUnit("s") }),
		"name and unit":    metric(func(m pmetric.Metric) { m.SetName("By"); m.SetUnit("m") }),
		"cumulative sum":   metric(sum(pmetric.AggregationTemporalityCumulative, false)),
		"delta sum":        metric(sum(pmetric.AggregationTemporalityDelta, false)),
		"monotonic sum":    metric(sum(pmetric.AggregationTemporalityCumulative, true)),
		"histogram":        metric(func(m pmetric.Metric) { m.SetEmptyHistogram() }),
		"exp histogram":    metric(func(m pmetric.Metric) { m.SetEmptyExponentialHistogram() }),
		"point":            metric(func(pmetric.Metric) {}).Point(pcommon.NewMap()),
		"part":             metric(func(pmetric.Metric) {}).Named("p95"),
		"other part":       metric(func(pmetric.Metric) {}).Named("mean"),
		"string 1":         ID{}.Point(attributes(t, map[string]any{"k": "1"})),
		"int 1":            ID{}.Point(attributes(t, map[string]any{"k": 1})),
		"double 1":         ID{}.Point(attributes(t, map[string]any{"k": 1.0})),
		"true":             ID{}.Point(attributes(t, map[string]any{"k": true})),
		"false":            ID{}.Point(attributes(t, map[string]any{"k": false})),
		"empty":            ID{}.Point(attributes(t, map[string]any{"k": nil})),
		"slice":            ID{}.Point(attributes(t, map[string]any{"k": []any{"1", "2"}})),
		"slice, reordered": ID{}.Point(attributes(t, map[string]any{"k": []any{"2", "1"}})),
		"map":              ID{}.Point(attributes(t, map[string]any{"k": map[string]any{"1": "2"}})),
		"bytes":            ID{}.Point(attributes(t, map[string]any{"k": []byte{1}})),
		"bytes 0":          ID{}.Point(attributes(t, map[string]any{"k": []byte{0}})),
		"swapped":          ID{}.Point(attributes(t, map[string]any{"1": "k"})),
	}
	seen := map[ID]string{{}: "zero"}
	for name, id := range ids {
		require.NotContains(t, seen, id, "%s has the identity of %s", name, seen[id])
		seen[id] = name
	}
}

func TestDescriptionIsNoPartOfTheIdentity(t *testing.T) {
	a, b := pmetric.NewMetric(), pmetric.NewMetric()
	b.SetDescription("the same metric, told otherwise")
	require.Equal(t, ID{}.Metric(a), ID{}.Metric(b))
}

func TestNeighbouringAttributeSetsDoNotCollide(t *testing.T) {
	seen := map[ID]bool{}
	counts := make([]int, 16)
	for i := range 200 {
		for j := range 200 {
			m := pcommon.NewMap()
			m.PutInt("i", int64(i))
			m.PutInt("j", int64(j))
			id := ID{}.Point(m)
			require.False(t, seen[id])
			seen[id] = true
			counts[id.Shard(16)]++
		}
	}
	for shard, n := range counts {
		require.InDelta(t, 2500, n, 250, "shard %d", shard)
	}
}

func BenchmarkPoint(b *testing.B) {
	m := pcommon.NewMap()
	for i := range 10 {
		m.PutStr(fmt.Sprintf("attribute.%d", i), fmt.Sprintf("a value of some length %d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = ID{}.Point(m)
	}
}
