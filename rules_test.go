package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/otlptranslator"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/watchkeeper/watchkeeper/connectors/workflow"
)

func TestShippedRulesAreSoundAndDoWhatTheirTestsSay(t *testing.T) {
	rules, err := filepath.Glob("alerts/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, rules)
	promtool(t, append([]string{"check", "rules"}, rules...)...)
	for _, file := range rules {
		test := filepath.Join("alerts", "tests", strings.TrimSuffix(filepath.Base(file), ".yml")+"_test.yml")
		promtool(t, "test", "rules", test)
	}
}

func TestTheSeedsOwnRulesAreRefused(t *testing.T) {
	out, err := exec.Command("promtool", "check", "rules", "testdata/alerts/seed-original.yml").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), `function "humanizeBytes" not defined`)
}

func TestEveryAlertOfTheSeedIsShipped(t *testing.T) {
	var shipped []string
	files, err := filepath.Glob("alerts/*.yml")
	require.NoError(t, err)
	for _, file := range files {
		shipped = append(shipped, slices.Collect(maps.Keys(expressions(t, file)))...)
	}
	for alert := range expressions(t, "testdata/alerts/seed-original.yml") {
		require.Contains(t, shipped, alert)
	}
}

func TestEveryMetricInARuleIsOneThatIsMade(t *testing.T) {
	made := emitted(t)
	files, err := filepath.Glob("alerts/*.yml")
	require.NoError(t, err)
	for _, file := range files {
		for alert, expr := range expressions(t, file) {
			metrics := metricsIn(expr)
			require.NotEmpty(t, metrics, "%s: %s", alert, expr)
			for _, name := range metrics {
				require.True(t, made[name], "%s: alert %s: nothing makes %s", file, alert, name)
			}
		}
	}
}

// emitted returns the Prometheus names of the metrics that our components declare
// in their metadata or, where the generator of that has no words for their form,
// in a catalogue of their own.
func emitted(t *testing.T) map[string]bool {
	files, err := filepath.Glob("*/*/metadata.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	namer := otlptranslator.NewMetricNamer("", otlptranslator.UnderscoreEscapingWithSuffixes)
	names := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var declared struct {
			Metrics map[string]struct {
				Unit string
				Sum  *struct{ Monotonic bool }
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &declared), file)
		for name, m := range declared.Metrics {
			var kind otlptranslator.MetricType = otlptranslator.MetricTypeGauge
			switch {
			case m.Sum != nil && m.Sum.Monotonic:
				kind = otlptranslator.MetricTypeMonotonicCounter
			case m.Sum != nil:
				kind = otlptranslator.MetricTypeNonMonotonicCounter
			}
			translated, err := namer.Build(otlptranslator.Metric{Name: name, Unit: m.Unit, Type: kind})
			require.NoError(t, err)
			names[translated] = true
		}
	}
	kinds := map[workflow.Instrument]otlptranslator.MetricType{
		workflow.Counter:   otlptranslator.MetricTypeMonotonicCounter,
		workflow.Histogram: otlptranslator.MetricTypeHistogram,
		workflow.Gauge:     otlptranslator.MetricTypeGauge,
	}
	for m := range workflow.Catalogue() {
		translated, err := namer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kinds[m.Instrument]})
		require.NoError(t, err)
		names[translated] = true
	}
	return names
}

func expressions(t *testing.T, file string) map[string]string {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &rules))
	found := make(map[string]string)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			found[r.Alert] = r.Expr
		}
	}
	return found
}

var (
	notNames  = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)
	names     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\b\s*\(?`)
	operators = []string{"and", "or", "unless", "bool", "offset", "inf", "nan", "e6"}
)

// metricsIn lists the metrics of a PromQL expression by their family: the parts
// of a histogram count as the histogram. It knows as much PromQL as the shipped
// rules use.
func metricsIn(expr string) (metrics []string) {
	for _, word := range names.FindAllString(notNames.ReplaceAllString(expr, " "), -1) {
		word = strings.TrimSpace(word)
		if strings.HasSuffix(word, "(") || slices.Contains(operators, strings.ToLower(word)) {
			continue
		}
		metrics = append(metrics, strings.TrimSuffix(word, "_bucket"))
	}
	return metrics
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command("promtool", args...).CombinedOutput()
	require.NoError(t, err, "promtool (Debian package prometheus) %v: %s", args, out)
}
