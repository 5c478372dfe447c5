package anomaly

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadata"
	"github.com/watchkeeper/watchkeeper/processors/anomaly/internal/metadatatest"
)

var epoch = time.Unix(1_700_000_000, 0)

// A harness feeds gauges to a processor and reads what it derived.
type harness struct {
	t    testing.TB
	p    processor.Metrics
	sink *consumertest.MetricsSink
	tel  *componenttest.Telemetry
}

func newHarness(t testing.TB, change func(*Config)) *harness {
	cfg := createDefaultConfig().(*Config)
	if change != nil {
		change(cfg)
	}
	h := &harness{t: t, sink: new(consumertest.MetricsSink), tel: componenttest.NewTelemetry()}
	set := processortest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = h.tel.NewTelemetrySettings()
	var err error
	h.p, err = NewFactory().CreateMetrics(context.Background(), set, cfg, h.sink)
	require.NoError(t, err)
	require.NoError(t, h.p.Start(context.Background(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		require.NoError(t, h.p.Shutdown(context.Background()))
		require.NoError(t, h.tel.Shutdown(context.Background()))
	})
	return h
}

// gauge makes a metric of one point for each attribute "k" in of.
func gauge(name, unit string, at time.Time, value float64, of ...string) pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "planner")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName(name)
	m.SetUnit(unit)
	points := m.SetEmptyGauge().DataPoints()
	for _, k := range of {
		dp := points.AppendEmpty()
		dp.SetTimestamp(pcommon.NewTimestampFromTime(at))
		dp.SetDoubleValue(value)
		dp.Attributes().PutStr("k", k)
	}
	return md
}

// consume returns the derived metrics of the last resource by name.
func (h *harness) consume(md pmetric.Metrics) map[string]pmetric.Metric {
	h.t.Helper()
	h.sink.Reset()
	require.NoError(h.t, h.p.ConsumeMetrics(context.Background(), md))
	out := map[string]pmetric.Metric{}
	for _, rm := range h.sink.AllMetrics()[0].ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			if isOurs(sm) {
				for _, m := range sm.Metrics().All() {
					out[m.Name()] = m
				}
			}
		}
	}
	return out
}

// observe feeds one point of one series and returns its state.
func (h *harness) observe(unit string, at time.Time, value float64) int64 {
	h.t.Helper()
	return h.consume(gauge("g", unit, at, value, "a"))[stateName].Gauge().DataPoints().At(0).IntValue()
}

// counts returns warnings and criticals of the only metric.
func counts(m pmetric.Metric) (warning, critical pmetric.NumberDataPoint) {
	return m.Sum().DataPoints().At(0), m.Sum().DataPoints().At(1)
}

func TestSourcesPassUnchanged(t *testing.T) {
	h := newHarness(t, nil)
	md := gauge("g", "1", epoch, 1, "b", "a", "c")
	want := pmetric.NewMetrics()
	md.CopyTo(want)
	h.consume(md)
	got := h.sink.AllMetrics()[0].ResourceMetrics().At(0)
	require.Equal(t, want.ResourceMetrics().At(0).Resource(), got.Resource())
	require.Equal(t, 2, got.ScopeMetrics().Len())
	require.Equal(t, want.ResourceMetrics().At(0).ScopeMetrics().At(0), got.ScopeMetrics().At(0))
}

func TestNothingIsAddedWithoutAScore(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Include = []string{"^other$"} })
	require.Empty(t, h.consume(gauge("g", "1", epoch, 1, "a")))
	require.Equal(t, 1, h.sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().Len())
	require.Empty(t, h.consume(pmetric.NewMetrics()))
}

// cpu is the usage in percent of a process that now and then needs some ticks of
// 10 ms, over an interval that is not exact.
func cpu(r *rand.Rand, probability float64, interval time.Duration) float64 {
	ticks := 0
	for r.Float64() < probability {
		ticks++
	}
	return float64(ticks) / (interval.Seconds() * (1 + 0.02*r.NormFloat64()))
}

func TestProcessThatStartsToBurnACore(t *testing.T) {
	for _, interval := range []time.Duration{500 * time.Millisecond, time.Second} {
		for _, probability := range []float64{0, 0.005, 0.05, 0.3} {
			for seed := range uint64(10) {
				t.Run(fmt.Sprintf("%v/%v/%d", interval, probability, seed), func(t *testing.T) {
					h := newHarness(t, nil)
					r := rand.New(rand.NewPCG(seed, 1))
					idle := 40 + r.IntN(200)
					now := epoch
					for range idle {
						now = now.Add(interval)
						require.Zero(t, h.observe("%", now, cpu(r, probability, interval)))
					}
					now = now.Add(interval)
					require.EqualValues(t, 1, h.observe("%", now, 98+r.NormFloat64()))
					// and stays so long enough to be seen by a scrape
					for range 7 {
						now = now.Add(interval)
						require.EqualValues(t, 1, h.observe("%", now, 98+r.NormFloat64()))
					}
				})
			}
		}
	}
}

func TestSteadyProcessIsNeverAnomalous(t *testing.T) {
	for _, interval := range []time.Duration{500 * time.Millisecond, time.Second} {
		for _, probability := range []float64{0, 0.005, 0.05, 0.3} {
			h := newHarness(t, nil)
			const seeds = 25
			var random [seeds]*rand.Rand
			for seed := range random {
				random[seed] = rand.New(rand.NewPCG(uint64(seed), 1))
			}
			for i := range 1000 {
				md := gauge("process.cpu.usage", "%", epoch.Add(time.Duration(i)*interval), 0, make([]string, seeds)...)
				points := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints()
				for seed, r := range random {
					points.At(seed).Attributes().PutInt("seed", int64(seed))
					points.At(seed).SetDoubleValue(cpu(r, probability, interval))
				}
				for _, dp := range h.consume(md)[stateName].Gauge().DataPoints().All() {
					require.Zero(t, dp.IntValue(), "%v, %v, point %d, %v", interval, probability, i, dp.Attributes().AsRaw())
				}
			}
		}
	}
}

func TestDetectionsAreCountedBySeverity(t *testing.T) {
	h := newHarness(t, nil)
	feed := func(i int, v float64) (warning, critical pmetric.NumberDataPoint) {
		return counts(h.consume(gauge("g", "1", epoch.Add(time.Duration(i)*time.Second), v, "a"))[detectionsName])
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		feed(i, 50+r.NormFloat64())
	}
	w, c := feed(100, 75)
	require.EqualValues(t, 1, w.IntValue())
	require.EqualValues(t, 0, c.IntValue())
	for i := range 100 {
		feed(101+i, 50+r.NormFloat64())
	}
	w, c = feed(201, 1e6)
	require.EqualValues(t, 1, w.IntValue())
	require.EqualValues(t, 1, c.IntValue())
	require.Equal(t, map[string]any{"metric": "g", "severity": "warning"}, w.Attributes().AsRaw())
	require.Equal(t, map[string]any{"metric": "g", "severity": "critical"}, c.Attributes().AsRaw())
	for _, dp := range []pmetric.NumberDataPoint{w, c} {
		require.Equal(t, epoch, dp.StartTimestamp().AsTime().Local())
		require.Equal(t, epoch.Add(201*time.Second), dp.Timestamp().AsTime().Local())
	}
}

func TestCountsAreSentOnceForATime(t *testing.T) {
	h := newHarness(t, nil)
	require.Contains(t, h.consume(gauge("g", "1", epoch.Add(time.Second), 1, "a")), detectionsName)
	out := h.consume(gauge("g", "1", epoch.Add(time.Second), 1, "b"))
	require.Contains(t, out, scoreName)
	require.NotContains(t, out, detectionsName)
	out = h.consume(gauge("g", "1", epoch, 1, "c"))
	require.NotContains(t, out, detectionsName)
}

func TestCountsOutliveASeriesAndStartAnewWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(c *Config) { c.SeriesTTL, c.WarmUp = time.Minute, 10 })
		for range 10 {
			h.consume(gauge("g", "1", time.Now(), 1, "a", "b"))
			time.Sleep(time.Second)
		}
		w, _ := counts(h.consume(gauge("g", "1", time.Now(), 2, "a", "b"))[detectionsName])
		require.EqualValues(t, 2, w.IntValue())
		start := w.StartTimestamp()

		for range 20 { // only b goes on, while a is forgotten
			time.Sleep(10 * time.Second)
			w, _ = counts(h.consume(gauge("g", "1", time.Now(), 2, "b"))[detectionsName])
		}
		h.series(1)
		require.EqualValues(t, 2, w.IntValue())
		require.Equal(t, start, w.StartTimestamp())

		time.Sleep(2 * time.Minute)
		h.series(0)
		w, _ = counts(h.consume(gauge("g", "1", time.Now(), 2, "b"))[detectionsName])
		require.EqualValues(t, 0, w.IntValue())
		require.Equal(t, pcommon.NewTimestampFromTime(time.Now()), w.StartTimestamp())
	})
}

// series asserts the value of the own gauge.
func (h *harness) series(n int64) {
	h.t.Helper()
	metadatatest.AssertEqualProcessorAnomalySeries(h.t.(*testing.T), h.tel,
		[]metricdata.DataPoint[int64]{{Value: n}}, metricdatatest.IgnoreTimestamp())
}

// dropped asserts the values of the own counter of points without a score.
func (h *harness) dropped(want map[string]int64) {
	h.t.Helper()
	var points []metricdata.DataPoint[int64]
	for reason, n := range want {
		points = append(points, metricdata.DataPoint[int64]{
			Value: n, Attributes: attribute.NewSet(attribute.String("reason", reason)),
		})
	}
	metadatatest.AssertEqualProcessorAnomalyPointsDropped(h.t.(*testing.T), h.tel, points, metricdatatest.IgnoreTimestamp())
}

func TestSeriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(c *Config) { c.MaxSeries, c.SeriesTTL = 3, time.Minute })
		for i := range 100 { // over all shards
			h.consume(gauge(fmt.Sprint("g", i), "1", time.Now(), 1, "a"))
		}
		h.series(3)
		h.dropped(map[string]int64{"max_series": 97})

		out := h.consume(gauge("g0", "1", time.Now().Add(time.Second), 1, "a", "b"))
		require.Equal(t, 1, out[scoreName].Gauge().DataPoints().Len(), "what is known is scored still")
		require.Empty(t, h.consume(gauge("g99", "1", time.Now(), 1, "a")))

		time.Sleep(2 * time.Minute)
		h.series(0)
		require.NotEmpty(t, h.consume(gauge("g99", "1", time.Now(), 1, "a")))
		h.series(1)
	})
}

func TestPointsWithoutAScoreAreCountedByReason(t *testing.T) {
	h := newHarness(t, nil)
	h.consume(gauge("g", "1", epoch, 1, "a"))
	require.Empty(t, h.consume(gauge("g", "1", epoch, 1, "a")))
	require.Empty(t, h.consume(gauge("g", "1", epoch.Add(-time.Second), 1, "a")))
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		require.Empty(t, h.consume(gauge("g", "1", epoch.Add(time.Duration(i+1)*time.Second), v, "a")))
	}
	require.Empty(t, h.consume(gauge("g", "1", time.Now().Add(time.Hour), 1, "a")))
	stale := gauge("g", "1", epoch.Add(time.Second), 0, "a")
	stale.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).
		SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	require.Empty(t, h.consume(stale))
	h.consume(gauge("g", "1", epoch.Add(time.Second), 1, "a"))

	h.dropped(map[string]int64{"duplicate": 1, "out_of_order": 1, "not_finite": 3, "future": 1, "no_recorded_value": 1})
	metadatatest.AssertEqualProcessorAnomalyPointsScored(t, h.tel,
		[]metricdata.DataPoint[int64]{{Value: 2}}, metricdatatest.IgnoreTimestamp())
}

func TestNoTwoSourcesHaveTheSameDerivedSeries(t *testing.T) {
	h := newHarness(t, nil)
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	for _, c := range []struct{ scope, unit string }{{"x", "1"}, {"y", "1"}, {"x", "By"}, {"y", "By"}, {"x", "s"}} {
		sm := rm.ScopeMetrics().AppendEmpty()
		sm.Scope().SetName(c.scope)
		gauge("g", c.unit, epoch, 1, "a", "b").ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().MoveAndAppendTo(sm.Metrics())
	}
	seen := map[string]bool{}
	points := h.consume(md)[scoreName].Gauge().DataPoints()
	for _, dp := range points.All() {
		key := fmt.Sprint(dp.Attributes().AsRaw())
		require.NotContains(t, seen, key)
		seen[key] = true
	}
	require.Len(t, seen, 6)
	h.dropped(map[string]int64{"ambiguous": 4})
}

func TestTwoProcessorsInARow(t *testing.T) {
	first, second := newHarness(t, nil), newHarness(t, nil)
	first.consume(gauge("g", "1", epoch, 1, "a"))
	md := first.sink.AllMetrics()[0]
	want := pmetric.NewMetrics()
	md.CopyTo(want)
	second.consume(md)
	require.Equal(t, want, second.sink.AllMetrics()[0])
}

func TestConcurrentBatches(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.MaxSeries = 150 })
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				at := epoch.Add(time.Duration(i) * time.Second)
				md := gauge(fmt.Sprint("g", g/2), "1", at, float64(i), "a", "b", fmt.Sprint(i))
				if err := h.p.ConsumeMetrics(context.Background(), md); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
	h.series(150)
}

func TestShutdownTwiceAndWithoutStart(t *testing.T) {
	p, err := newProcessor(processortest.NewNopSettings(metadata.Type), createDefaultConfig().(*Config))
	require.NoError(t, err)
	require.NoError(t, p.shutdown(t.Context()))
	require.NoError(t, p.shutdown(t.Context()))
}

func BenchmarkConsumeMetrics(b *testing.B) {
	for _, attributes := range []int{2, 10} {
		b.Run(fmt.Sprintf("1000 points/%d attributes", attributes), func(b *testing.B) {
			p, err := NewFactory().CreateMetrics(context.Background(), processortest.NewNopSettings(metadata.Type),
				createDefaultConfig(), consumertest.NewNop())
			require.NoError(b, err)
			const metrics, series = 20, 50
			r := rand.New(rand.NewPCG(1, 2))
			source := pmetric.NewMetrics()
			rm := source.ResourceMetrics().AppendEmpty()
			rm.Resource().Attributes().PutStr("service.name", "planner")
			sm := rm.ScopeMetrics().AppendEmpty()
			for i := range metrics {
				m := sm.Metrics().AppendEmpty()
				m.SetName(fmt.Sprint("metric.", i))
				m.SetEmptyGauge()
				for s := range series {
					dp := m.Gauge().DataPoints().AppendEmpty()
					dp.Attributes().PutInt("series", int64(s))
					for a := range attributes - 1 {
						dp.Attributes().PutStr(fmt.Sprint("attribute.", a), "a value of some length")
					}
				}
			}
			now := epoch
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				md := pmetric.NewMetrics()
				source.CopyTo(md)
				now = now.Add(time.Second)
				for _, m := range md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
					for _, dp := range m.Gauge().DataPoints().All() {
						dp.SetTimestamp(pcommon.NewTimestampFromTime(now))
						dp.SetDoubleValue(r.NormFloat64())
					}
				}
				b.StartTimer()
				if err := p.ConsumeMetrics(context.Background(), md); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(metrics*series), "ns/point")
		})
	}
}
