package expo

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// text is a scrape in the text format.
func text(t testing.TB, s *Store, now time.Time) string {
	return string(scrape(t, s, now, Format{}))
}

func scrape(t testing.TB, s *Store, now time.Time, f Format) []byte {
	var b bytes.Buffer
	require.NoError(t, s.Write(&b, now, f))
	return b.Bytes()
}

func open(s *Store, now time.Time, f Family, labels ...Label) (*Handle, error) {
	h := &Handle{}
	_, err := s.Open(now, h, Description{Family: f, Labels: labels})
	return h, err
}

// put opens a series and writes to it, as a source seen for the first time does.
func put(t testing.TB, s *Store, now time.Time, f Family, sample Sample, labels ...Label) *Handle {
	h, err := open(s, now, f, labels...)
	require.NoError(t, err)
	_, err = s.Set(now, h, &sample)
	require.NoError(t, err)
	return h
}

func gauge(name string) Family { return Family{Name: name, Help: "Help of " + name + ".", Type: Gauge} }

func TestEveryTypeInWriting(t *testing.T) {
	s := New(Options{MaxSeries: 100})
	put(t, s, at(0), Family{Name: "z_untyped"}, Sample{Value: math.NaN()})
	put(t, s, at(0), Family{Name: "temperature", Help: "Two\nlines, a \\ and a \".", Type: Gauge},
		Sample{Value: -1.5}, Label{"room", `a "b" \ c` + "\n"}, Label{"floor", "1"})
	put(t, s, at(0), Family{Name: "temperature", Help: "A later help is ignored.", Type: Gauge},
		Sample{Value: math.Inf(1)}, Label{"floor", "0"})
	put(t, s, at(0), Family{Name: "requests_total", Help: "Requests.", Type: Counter}, Sample{Value: 1234567})
	put(t, s, at(0), Family{Name: "latency_seconds", Help: "Latency.", Type: Histogram}, Sample{
		Count: 10, Sum: 5.25, Bounds: []float64{0.1, 1, 10}, Buckets: []uint64{1, 2, 3, 4},
	}, Label{"path", "/"})
	put(t, s, at(0), Family{Name: "below_zero", Help: "No sum.", Type: Histogram}, Sample{
		Count: 1, NoSum: true, Bounds: []float64{-1, math.Inf(1)}, Buckets: []uint64{1, 0, 0},
	})
	put(t, s, at(0), Family{Name: "size_bytes", Help: "Size.", Type: Summary}, Sample{
		Count: 3, Sum: 6, Quantiles: []Quantile{{0.5, 2}, {0.99, math.NaN()}},
	}, Label{"kind", "x"})

	got := text(t, s, at(0))
	require.Equal(t, `# HELP below_zero No sum.
# TYPE below_zero histogram
below_zero_bucket{le="-1"} 1
below_zero_bucket{le="+Inf"} 1
below_zero_count 1
# HELP latency_seconds Latency.
# TYPE latency_seconds histogram
latency_seconds_bucket{path="/",le="0.1"} 1
latency_seconds_bucket{path="/",le="1"} 3
latency_seconds_bucket{path="/",le="10"} 6
latency_seconds_bucket{path="/",le="+Inf"} 10
latency_seconds_sum{path="/"} 5.25
latency_seconds_count{path="/"} 10
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total 1.234567e+06
# HELP size_bytes Size.
# TYPE size_bytes summary
size_bytes{kind="x",quantile="0.5"} 2
size_bytes{kind="x",quantile="0.99"} NaN
size_bytes_sum{kind="x"} 6
size_bytes_count{kind="x"} 3
# HELP temperature Two\nlines, a \\ and a ".
# TYPE temperature gauge
temperature{floor="0"} +Inf
temperature{floor="1",room="a \"b\" \\ c\n"} -1.5
# HELP z_untyped `+`
# TYPE z_untyped untyped
z_untyped NaN
`, got)
}

func TestTextIsThatOfPrometheusOwnLibrary(t *testing.T) {
	s := New(Options{MaxSeries: 1000, Timestamps: true})
	values := []float64{0, 1, -1, 0.1, 1e6, 999999, 1e21, 1e-7, 12345678.9, math.MaxFloat64,
		math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), math.NaN(), 1 << 53, math.Copysign(0, -1)}
	for i, v := range values {
		put(t, s, at(0), gauge("g"), Sample{Value: v, Time: int64(i) * 1e6}, Label{"i", fmt.Sprintf("%02d", i)})
	}
	put(t, s, at(0), gauge("plain"), Sample{Value: 3, Time: -5e6})
	put(t, s, at(0), gauge("quoted name"), Sample{Value: 3}, Label{"a.b", "1"})
	put(t, s, at(0), gauge("quoted \"name\" alone"), Sample{Value: 3})
	put(t, s, at(0), Family{Name: "h.dots", Help: "H.", Type: Histogram}, Sample{
		Count: 3_000_000, Sum: 1, Bounds: []float64{1e-3, 2500}, Buckets: []uint64{1_000_000, 1_000_000, 1_000_000}, Time: 7e6})

	got := text(t, s, at(0))
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewBufferString(got))
	require.NoError(t, err)
	var theirs bytes.Buffer
	for _, name := range []string{"g", "h.dots", "plain", "quoted \"name\" alone", "quoted name"} {
		_, err := expfmt.MetricFamilyToText(&theirs, families[name])
		require.NoError(t, err)
	}
	require.Equal(t, theirs.String(), got)
}

func TestTypeAndNameConflictsKeepTheFirst(t *testing.T) {
	s := New(Options{MaxSeries: 100})
	h := put(t, s, at(0), Family{Name: "a", Type: Histogram}, Sample{})
	for _, f := range []Family{
		{Name: "a", Type: Gauge}, {Name: "a_bucket", Type: Counter}, {Name: "a_sum", Type: Gauge},
		{Name: "a_count", Type: Summary}, {Name: "a_count", Type: Histogram},
	} {
		_, err := open(s, at(0), f)
		require.ErrorIs(t, err, ErrConflict, "%+v", f)
	}
	put(t, s, at(0), gauge("b_count"), Sample{})
	_, err := open(s, at(0), Family{Name: "b", Type: Summary})
	require.ErrorIs(t, err, ErrConflict)

	s.Remove(h)
	put(t, s, at(0), gauge("a_count"), Sample{})
	_, err = open(s, at(0), Family{})
	require.ErrorIs(t, err, ErrName)
}

func TestReservedAndDoubleLabels(t *testing.T) {
	s := New(Options{MaxSeries: 100})
	put(t, s, at(0), gauge("g"), Sample{Value: 1}, Label{"le", "kept"}, Label{"__name__", "x"},
		Label{"double", "1"}, Label{"double", "2"}, Label{"", "nameless"}, Label{"empty", ""}, Label{"bad\xff", "\xfe"})
	put(t, s, at(0), Family{Name: "h", Type: Histogram}, Sample{}, Label{"le", "7"}, Label{"quantile", "kept"})
	put(t, s, at(0), Family{Name: "s", Type: Summary}, Sample{}, Label{"quantile", "7"})
	require.Equal(t, `# HELP g Help of g.
# TYPE g gauge
g{"bad�"="�",double="1;2",exported___name__="x",le="kept"} 1
# HELP h `+`
# TYPE h histogram
h_bucket{exported_le="7",quantile="kept",le="+Inf"} 0
h_sum{exported_le="7",quantile="kept"} 0
h_count{exported_le="7",quantile="kept"} 0
# HELP s `+`
# TYPE s summary
s_sum{exported_quantile="7"} 0
s_count{exported_quantile="7"} 0
`, text(t, s, at(0)))
	require.Equal(t, Stats{Series: 3, Families: 3, RenamedLabels: 3}, s.Stats())
}

func TestNULStaysInValuesOnly(t *testing.T) {
	s := New(Options{MaxSeries: 100})
	put(t, s, at(0), Family{Name: "a\x00b", Type: Gauge}, Sample{Value: 1}, Label{"c\x00", "d\x00"})
	require.Equal(t, "# HELP \"a\uFFFDb\" \n# TYPE \"a\uFFFDb\" gauge\n{\"a\uFFFDb\",\"c\uFFFD\"=\"d\x00\"} 1\n", text(t, s, at(0)))
}

func TestSamplesThatContradictThemselvesAreRefused(t *testing.T) {
	s := New(Options{MaxSeries: 100})
	histogram, err := open(s, at(0), Family{Name: "h", Type: Histogram})
	require.NoError(t, err)
	for _, sample := range []Sample{
		{Bounds: []float64{1, 2}, Buckets: []uint64{1, 2}},
		{Bounds: []float64{2, 1}, Buckets: []uint64{1, 2, 3}},
		{Bounds: []float64{1, 1}, Buckets: []uint64{1, 2, 3}},
		{Bounds: []float64{math.NaN()}, Buckets: []uint64{1, 2}},
	} {
		_, err := s.Set(at(0), histogram, &sample)
		require.ErrorIs(t, err, ErrSample)
	}
	summary, err := open(s, at(0), Family{Name: "s", Type: Summary})
	require.NoError(t, err)
	for _, quantiles := range [][]Quantile{{{1.5, 0}}, {{-1, 0}}, {{math.NaN(), 0}}, {{0.5, 1}, {0.5, 2}}} {
		_, err := s.Set(at(0), summary, &Sample{Quantiles: quantiles})
		require.ErrorIs(t, err, ErrSample)
	}
	require.Empty(t, text(t, s, at(0)), "a series that was never written to")
}

func TestAFullStoreRefusesNewcomersUntilSomethingExpires(t *testing.T) {
	s := New(Options{MaxSeries: 2, Expiration: time.Minute})
	put(t, s, at(0), gauge("g"), Sample{Value: 1}, Label{"i", "1"})
	h := put(t, s, at(30), gauge("g"), Sample{Value: 2}, Label{"i", "2"})
	_, err := open(s, at(59), gauge("g"), Label{"i", "3"})
	require.ErrorIs(t, err, ErrFull)

	put(t, s, at(60), gauge("g"), Sample{Value: 3}, Label{"i", "3"})
	_, err = s.Set(at(80), h, &Sample{Value: 4})
	require.NoError(t, err)
	require.Equal(t, "# HELP g Help of g.\n# TYPE g gauge\ng{i=\"2\"} 4\ng{i=\"3\"} 3\n", text(t, s, at(119)))
	require.Equal(t, 1, s.Sweep(at(120)))
	require.Equal(t, "# HELP g Help of g.\n# TYPE g gauge\ng{i=\"2\"} 4\n", text(t, s, at(139)))
	require.Empty(t, text(t, s, at(140)))
	require.Equal(t, Stats{Refused: 1, Expired: 3}, s.Stats())

	_, err = s.Set(at(140), h, &Sample{Value: 5})
	require.ErrorIs(t, err, ErrGone)
	s.Remove(h)
	require.Zero(t, s.Sweep(at(1<<20)))
}

func TestTwoSourcesOfOneSeriesCollideOnlyWhenBothKeepWriting(t *testing.T) {
	s := New(Options{MaxSeries: 10})
	a := put(t, s, at(0), gauge("g"), Sample{Value: 1})
	b, err := open(s, at(0), gauge("g"))
	require.NoError(t, err)
	for i, step := range []struct {
		source   *Handle
		collides bool
	}{{b, false}, {b, false}, {a, true}, {a, false}, {b, true}, {a, true}} {
		collided, err := s.Set(at(i), step.source, &Sample{Value: float64(10 + i)})
		require.NoError(t, err)
		require.Equal(t, step.collides, collided, "step %d", i)
	}
	require.Equal(t, "# HELP g Help of g.\n# TYPE g gauge\ng 15\n", text(t, s, at(9)))
	require.Equal(t, uint64(3), s.Stats().Collisions)
}

func TestRenamedMergesWhatBecomesTheSame(t *testing.T) {
	s := New(Options{MaxSeries: 10, Expiration: time.Minute})
	put(t, s, at(0), gauge("a.b"), Sample{Value: 2}, Label{"x_y", "1"})
	put(t, s, at(0), gauge("a.b"), Sample{Value: 1}, Label{"x.y", "1"})
	put(t, s, at(0), Family{Name: "a_b", Type: Counter}, Sample{Value: 3})
	put(t, s, at(0), Family{Name: "h.s", Type: Histogram}, Sample{Count: 1, Bounds: []float64{1}, Buckets: []uint64{1, 0}})
	require.Equal(t, `# HELP a_b Help of a.b.
# TYPE a_b gauge
a_b{x_y="1"} 1
# HELP h_s `+`
# TYPE h_s histogram
h_s_bucket{le="1"} 1
h_s_bucket{le="+Inf"} 1
h_s_sum 0
h_s_count 1
`, text(t, s.Renamed(at(0), func(name string) string { return model.EscapeName(name, model.UnderscoreEscaping) }), at(0)))
	require.Equal(t, Stats{Series: 4, Families: 3}, s.Stats())
}

func TestSeriesThatComeAndGoUnscrapedLeaveNothingBehind(t *testing.T) {
	s := New(Options{MaxSeries: 10, Expiration: time.Second})
	for i := range 10_000 {
		put(t, s, at(i), gauge("g"), Sample{}, Label{"i", fmt.Sprint(i)})
	}
	require.Equal(t, Stats{Series: 10, Families: 1, Expired: 9990}, s.Stats())
	pages := *s.claims["g"].pages.Load()
	require.LessOrEqual(t, len(pages), 10)
}
