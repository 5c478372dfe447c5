package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestExpositionIsReadByNameAndLabels(t *testing.T) {
	points, err := parse(strings.NewReader("# HELP x y\nx_total{a=\"b c\",d=\"\"} 12\n\nup 1e3\n"))
	if err != nil || len(points) != 2 {
		t.Fatal(points, err)
	}
	if p := points[0]; p.name != "x_total" || p.labels["a"] != "b c" || p.labels["d"] != "" || p.value != 12 {
		t.Errorf("%+v", p)
	}
	if p := points[1]; p.name != "up" || p.value != 1000 {
		t.Errorf("%+v", p)
	}
	if _, err := parse(strings.NewReader("x twelve\n")); err == nil {
		t.Error("no error")
	}
}

func TestDifferencesAreToldBothWays(t *testing.T) {
	if d := differ(tally{"a": 1, "b": 2}, tally{"a": 1, "b": 2}); d != "" {
		t.Error(d)
	}
	if d := differ(tally{"a": 1}, tally{"b": 2}); d != "a: 1 sent, 0 counted; b: 0 sent, 2 counted" {
		t.Error(d)
	}
}

func TestTrendIsTheGrowthOfTheStraightLine(t *testing.T) {
	var line, level []sample
	for i := range 10 {
		at := time.Duration(i) * time.Second
		line = append(line, sample{at, 100 + 5*float64(i)})
		level = append(level, sample{at, 100})
	}
	if grown, mean := trend(line); math.Abs(grown-45) > 1e-9 || math.Abs(mean-122.5) > 1e-9 {
		t.Error(grown, mean)
	}
	if grown, mean := trend(level); math.Abs(grown) > 1e-9 || math.Abs(mean-100) > 1e-9 {
		t.Error(grown, mean)
	}
}
