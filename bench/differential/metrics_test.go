package differential

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

func at(seconds float64) pcommon.Timestamp {
	return pcommon.NewTimestampFromTime(began.Add(time.Duration(seconds * float64(time.Second))))
}

// builder makes the metrics of one resource and scope.
type builder struct {
	md    pmetric.Metrics
	rm    pmetric.ResourceMetrics
	scope pmetric.ScopeMetrics
}

func build(resource map[string]any) *builder {
	b := &builder{md: pmetric.NewMetrics()}
	return b.resource(resource).in("", "")
}

func (b *builder) resource(attributes map[string]any) *builder {
	b.rm = b.md.ResourceMetrics().AppendEmpty()
	_ = b.rm.Resource().Attributes().FromRaw(attributes)
	return b
}

func (b *builder) in(scope, version string) *builder {
	b.scope = b.rm.ScopeMetrics().AppendEmpty()
	b.scope.Scope().SetName(scope)
	b.scope.Scope().SetVersion(version)
	return b
}

func (b *builder) metric(name, unit, help string) pmetric.Metric {
	m := b.scope.Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	m.SetDescription(help)
	return m
}

func (b *builder) gauge(name, unit string, v float64, attributes map[string]any) *builder {
	p := b.metric(name, unit, "A level.").SetEmptyGauge().DataPoints().AppendEmpty()
	p.SetDoubleValue(v)
	p.SetTimestamp(at(10))
	_ = p.Attributes().FromRaw(attributes)
	return b
}

func (b *builder) sum(name string, monotonic bool, t pmetric.AggregationTemporality, from, to float64, v int64, attributes map[string]any) *builder {
	s := b.metric(name, "", "A count.").SetEmptySum()
	s.SetIsMonotonic(monotonic)
	s.SetAggregationTemporality(t)
	p := s.DataPoints().AppendEmpty()
	p.SetIntValue(v)
	p.SetStartTimestamp(at(from))
	p.SetTimestamp(at(to))
	_ = p.Attributes().FromRaw(attributes)
	return b
}

func (b *builder) histogram(name string, t pmetric.AggregationTemporality, from, to float64, bounds []float64, counts []uint64) pmetric.HistogramDataPoint {
	h := b.metric(name, "s", "A time.").SetEmptyHistogram()
	h.SetAggregationTemporality(t)
	p := h.DataPoints().AppendEmpty()
	p.ExplicitBounds().FromRaw(bounds)
	p.BucketCounts().FromRaw(counts)
	total := uint64(0)
	for _, c := range counts {
		total += c
	}
	p.SetCount(total)
	p.SetSum(float64(total) * 0.75)
	p.SetStartTimestamp(at(from))
	p.SetTimestamp(at(to))
	return p
}

func (b *builder) exponential(name string, t pmetric.AggregationTemporality, from, to float64, scale int32) pmetric.ExponentialHistogramDataPoint {
	h := b.metric(name, "By", "A size.").SetEmptyExponentialHistogram()
	h.SetAggregationTemporality(t)
	p := h.DataPoints().AppendEmpty()
	p.SetScale(scale)
	p.SetZeroCount(3)
	p.Positive().SetOffset(-2)
	p.Positive().BucketCounts().FromRaw([]uint64{1, 0, 4, 2, 0, 0, 0, 0, 0, 7})
	p.Negative().SetOffset(5)
	p.Negative().BucketCounts().FromRaw([]uint64{2, 1})
	p.SetCount(20)
	p.SetSum(123.5)
	p.SetStartTimestamp(at(from))
	p.SetTimestamp(at(to))
	return p
}

func (b *builder) summary(name string) *builder {
	p := b.metric(name, "ms", "Quantiles.").SetEmptySummary().DataPoints().AppendEmpty()
	p.SetCount(12)
	p.SetSum(99.5)
	p.SetStartTimestamp(at(0))
	p.SetTimestamp(at(10))
	for _, q := range []float64{0.5, 0.9, 1} {
		v := p.QuantileValues().AppendEmpty()
		v.SetQuantile(q)
		v.SetValue(q * 10)
	}
	return b
}

func exemplar(e pmetric.Exemplar, v float64, trace byte) {
	e.SetDoubleValue(v)
	e.SetTraceID([16]byte{trace, 1, 2, 3})
	e.SetSpanID([8]byte{trace, 9})
	e.SetTimestamp(at(9))
}

const (
	cumulative = pmetric.AggregationTemporalityCumulative
	deltas     = pmetric.AggregationTemporalityDelta
)

// fleet has something of everything that both exporters must say alike.
func fleet() pmetric.Metrics {
	b := build(map[string]any{"service.name": "planner", "service.namespace": "fleet", "service.instance.id": "p-1", "host.name": "node-7", "process.pid": 12})
	b.in("agents", "1.2")
	b.scope.SetSchemaUrl("https://opentelemetry.io/schemas/1.30.0")
	b.scope.Scope().Attributes().PutStr("team", "red")
	b.gauge("agent.load", "1", 0.25, map[string]any{"agent.name": "a", "n": 1, "f": 1.5, "yes": true, "list": []any{"x", 2}, "map": map[string]any{"k": "v"}})
	b.gauge("agent.load", "1", -3e21, map[string]any{"agent.name": "quotes \" and \\ and\nlines"})
	b.gauge("queue depth!", "{item}", 1e6, nil)
	b.gauge("memory", "By", 123456789, map[string]any{"a__b": "x", "9lives": "y", "_hidden": "z"})
	b.sum("calls", true, cumulative, 0, 10, 42, map[string]any{"tool": "search", "status": "ok"})
	b.sum("calls", true, cumulative, 0, 10, 7_000_000, map[string]any{"tool": "fetch", "status": "grüße ☃"})
	b.sum("in.flight", false, cumulative, 0, 10, -5, nil)
	b.sum("steps", true, deltas, 0, 10, 5, nil)
	b.histogram("latency", cumulative, 0, 10, []float64{0.1, 1, 10}, []uint64{1, 2, 3, 4})
	b.histogram("work", deltas, 0, 10, []float64{1, 2.5}, []uint64{1, 0, 5})
	b.exponential("size", cumulative, 0, 10, 3)
	b.exponential("fine", cumulative, 0, 10, 12)
	b.summary("pause")
	b.resource(map[string]any{"service.name": "coder", "service.instance.id": "c-1"}).in("agents", "1.2")
	b.sum("calls", true, cumulative, 0, 10, 9, map[string]any{"tool": "search", "status": "ok"})
	b.in("other", "")
	b.sum("calls", true, cumulative, 0, 10, 10, map[string]any{"tool": "read", "status": "ok"})
	return b.md
}

// later is what comes after fleet from the same sources.
func later() pmetric.Metrics {
	b := build(map[string]any{"service.name": "planner", "service.namespace": "fleet", "service.instance.id": "p-1", "host.name": "node-7", "process.pid": 12})
	b.in("agents", "1.2")
	b.scope.SetSchemaUrl("https://opentelemetry.io/schemas/1.30.0")
	b.scope.Scope().Attributes().PutStr("team", "red")
	b.sum("calls", true, cumulative, 0, 20, 43, map[string]any{"tool": "search", "status": "ok"})
	b.sum("calls", true, cumulative, 0, 5, 3, map[string]any{"tool": "fetch", "status": "grüße ☃"}) // late
	b.sum("steps", true, deltas, 10, 20, 6, nil)
	b.histogram("work", deltas, 10, 20, []float64{1, 2.5}, []uint64{2, 2, 2})
	return b.md
}

func staleNaN() float64 { return math.Float64frombits(0x7ff0000000000002) }
