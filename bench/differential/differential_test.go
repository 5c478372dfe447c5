package differential

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// With every setting that both have, both say the same of what both can say.
func TestBothSayTheSame(t *testing.T) {
	for name, settings := range map[string]map[string]any{
		"defaults":                     {},
		"open metrics":                 {"enable_open_metrics": true},
		"timestamps":                   {"send_timestamps": true, "enable_open_metrics": true},
		"namespace":                    {"namespace": "prod"},
		"resource labels":              {"resource_to_telemetry_conversion": map[string]any{"enabled": true}},
		"resource labels but own":      {"resource_to_telemetry_conversion": map[string]any{"enabled": true, "exclude_service_attributes": true}},
		"no scopes":                    {"without_scope_info": true},
		"underscores":                  {"translation_strategy": "UnderscoreEscapingWithSuffixes", "add_metric_suffixes": false},
		"underscores, no suffixes":     {"translation_strategy": "UnderscoreEscapingWithoutSuffixes"},
		"all characters":               {"translation_strategy": "NoUTF8EscapingWithSuffixes"},
		"no translation":               {"translation_strategy": "NoTranslation"},
		"queue":                        {"sending_queue": map[string]any{"queue_size": 10, "num_consumers": 1, "sizer": "requests", "wait_for_result": true}},
		"open metrics, all characters": {"enable_open_metrics": true, "translation_strategy": "NoUTF8EscapingWithSuffixes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, settings)
			p.consume(t, fleet())
			for step := range 2 {
				formats := []string{text, protobuf}
				if settings["enable_open_metrics"] == true {
					formats = append(formats, open)
				}
				for _, format := range formats {
					ours, theirs := p.ours.scrape(t, format), p.theirs.scrape(t, format)
					require.Greater(t, len(theirs), 15)
					more, less := difference(ours, theirs)
					require.Empty(t, more, "only ours, step %d, %s; only theirs:\n%s", step, format, strings.Join(less, "\n"))
					require.Empty(t, less, "only theirs, step %d, %s", step, format)
				}
				p.consume(t, later())
			}
		})
	}
}

func TestBothHaveTheSameExemplars(t *testing.T) {
	p := start(t, map[string]any{"enable_open_metrics": true})
	b := build(map[string]any{"service.name": "a", "service.instance.id": "1"})
	h := b.histogram("latency", cumulative, 0, 10, []float64{0.1, 1, 10}, []uint64{1, 2, 3, 4})
	for i, v := range []float64{0.05, 0.1, 0.5, 7, 100} {
		exemplar(h.Exemplars().AppendEmpty(), v, byte(i+1))
	}
	b.sum("calls", true, cumulative, 0, 10, 3, nil)
	s := b.scope.Metrics().At(1).Sum().DataPoints().At(0)
	exemplar(s.Exemplars().AppendEmpty(), 1, 7)
	exemplar(s.Exemplars().AppendEmpty(), 2, 8)
	p.consume(t, b.md)
	for _, format := range []string{open, protobuf} {
		ours, theirs := p.ours.scrape(t, format), p.theirs.scrape(t, format)
		require.Equal(t, theirs, ours)
		require.Contains(t, strings.Join(ours, "\n"), "trace_id")
	}
}

// What is not the same. Each reason is a row of the table in the exporter's README.
func TestDifferencesAreThoseOfTheTable(t *testing.T) {
	readme, err := os.ReadFile("../../exporters/prometheus/README.md")
	require.NoError(t, err)
	agent := map[string]any{"service.name": "a", "service.instance.id": "1"}
	one := func(b *builder) []pmetric.Metrics { return []pmetric.Metrics{b.md} }
	for _, c := range []struct {
		reason       string
		settings     map[string]any
		metrics      []pmetric.Metrics
		ours, theirs []string // what only one has, as a part of its line
	}{{
		reason:  "Labels that become the same",
		metrics: one(build(agent).gauge("g", "", 1, map[string]any{"a.b": "1", "a-b": "2"})),
		ours:    []string{`g{a_b="2;1",instance="1",job="a",} gauge:{value:1}`},
	}, {
		reason:  "An attribute called `job` or `instance`",
		metrics: one(build(agent).gauge("g", "", 1, map[string]any{"job": "mine"})),
		ours:    []string{`g{exported_job="mine",instance="1",job="a",} gauge:{value:1}`},
	}, {
		reason:   "`add_metric_suffixes: false`",
		settings: map[string]any{"add_metric_suffixes": false, "without_scope_info": true},
		metrics:  one(build(agent).gauge("g", "s", 1, nil)),
		ours:     []string{`g{instance="1",job="a",} gauge:{value:1}`},
		theirs:   []string{`g_seconds{instance="1",job="a",} gauge:{value:1}`},
	}, {
		reason: "An untyped metric",
		metrics: one(func() *builder {
			b := build(agent)
			m := b.metric("u", "", "Of no known type.")
			m.Metadata().PutStr("prometheus.type", "unknown")
			m.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(1)
			return b
		}()),
		ours:   []string{`u{instance="1",job="a",} untyped:{value:1}`},
		theirs: []string{`u{instance="1",job="a",} gauge:{value:1}`},
	}, {
		reason:  "Text that is not UTF-8",
		metrics: one(build(agent).gauge("g", "", 1, map[string]any{"x": "\xff"})),
		ours:    []string{"g{instance=\"1\",job=\"a\",x=\"\uFFFD\",} gauge:{value:1}"},
	}, {
		reason: "A histogram without a sum",
		metrics: one(func() *builder {
			b := build(agent)
			b.histogram("h", cumulative, 0, 10, []float64{-1}, []uint64{1, 1}).RemoveSum()
			return b
		}()),
		ours:   []string{`histogram:{sample_count:2 bucket:{cumulative_count:1 upper_bound:-1}}`},
		theirs: []string{`histogram:{sample_count:2 sample_sum:0 bucket:{cumulative_count:1 upper_bound:-1}}`},
	}, {
		reason:  "Deltas of a sum that may fall",
		metrics: one(build(agent).sum("s", false, deltas, 0, 10, 4, nil)),
		ours:    []string{`s{instance="1",job="a",} gauge:{value:4}`, `target_info{instance="1",job="a",}`},
	}, {
		reason: "Deltas whose times do not join",
		metrics: []pmetric.Metrics{
			build(agent).sum("s", true, deltas, 0, 10, 4, nil).md,
			build(agent).sum("s", true, deltas, 12, 20, 3, nil).md,
		},
		ours:   []string{`s_total{instance="1",job="a",} counter:{value:7}`},
		theirs: []string{`s_total{instance="1",job="a",} counter:{value:3}`},
	}, {
		reason: "A delta that comes twice",
		metrics: []pmetric.Metrics{
			build(agent).sum("s", true, deltas, 10, 10, 4, nil).md,
			build(agent).sum("s", true, deltas, 10, 10, 4, nil).md,
		},
		ours:   []string{`s_total{instance="1",job="a",} counter:{value:4}`},
		theirs: []string{`s_total{instance="1",job="a",} counter:{value:8}`},
	}, {
		reason:  "`target_info` of a resource without `service.instance.id`",
		metrics: one(build(map[string]any{"service.name": "a", "host.name": "h"}).gauge("g", "", 1, nil)),
		ours:    []string{`target_info{host_name="h",job="a",} gauge:{value:1}`},
	}, {
		reason:   "Constant labels of `target_info`",
		settings: map[string]any{"const_labels": map[string]any{"cluster": "east"}},
		metrics:  one(build(agent).gauge("g", "", 1, nil)),
		ours:     []string{`target_info{cluster="east",instance="1",job="a",} gauge:{value:1}`},
		theirs:   []string{`target_info{instance="1",job="a",} gauge:{value:1}`},
	}, {
		reason:  "An empty `service.namespace`",
		metrics: one(build(map[string]any{"service.name": "a", "service.namespace": "", "service.instance.id": "1"}).gauge("g", "", 1, nil)),
		ours:    []string{`g{instance="1",job="a",} gauge:{value:1}`, `target_info{instance="1",job="a",}`},
		theirs:  []string{`g{instance="1",job="/a",} gauge:{value:1}`, `target_info{instance="1",job="/a",}`},
	}, {
		reason: "A histogram that contradicts itself",
		metrics: one(func() *builder {
			b := build(agent)
			b.histogram("h", cumulative, 0, 10, []float64{5, 1}, []uint64{1, 2, 3})
			return b
		}()),
		theirs: []string{`h_seconds{instance="1",job="a",} map[] map[] histogram:{`},
	}, {
		reason:  "A label value longer than `max_label_value_length`",
		metrics: one(build(agent).gauge("g", "", 1, map[string]any{"x": strings.Repeat("x", 3000)})),
		ours:    []string{`~`},
		theirs:  []string{strings.Repeat("x", 3000)},
	}, {
		reason: "A stale marker",
		metrics: func() []pmetric.Metrics {
			gone := build(agent).gauge("g", "", 1, nil)
			p := gone.scope.Metrics().At(0).Gauge().DataPoints().At(0)
			p.SetDoubleValue(staleNaN())
			p.SetTimestamp(at(20))
			return []pmetric.Metrics{build(agent).gauge("g", "", 1, nil).md, gone.md}
		}(),
		theirs: []string{`g{instance="1",job="a",} gauge:{value:nan}`},
	}} {
		t.Run(c.reason, func(t *testing.T) {
			require.Contains(t, string(readme), "| "+c.reason, "a row for it")
			p := start(t, c.settings)
			for _, md := range c.metrics {
				p.consume(t, md)
			}
			more, less := difference(p.ours.scrape(t, text), p.theirs.scrape(t, text))
			check := func(who string, want, got []string) {
				require.Len(t, got, len(want), "only %s: %q", who, got)
				for i := range want {
					require.Contains(t, got[i], want[i], who)
				}
			}
			check("ours", c.ours, more)
			check("theirs", c.theirs, less)
		})
	}
}
