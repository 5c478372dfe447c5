package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// prove fills both alike, changes a tenth of it, and compares what they say, plain
// and packed.
func prove(ctx context.Context, ours, theirs collector) (string, error) {
	const series = 10_000
	var texts [2][]string
	for i, c := range []collector{ours, theirs} {
		progress("proof, %s", c.name)
		lines, err := c.lines(ctx, series)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.name, err)
		}
		texts[i] = lines
	}
	if len(texts[0]) < series {
		return "", fmt.Errorf("only %d lines", len(texts[0]))
	}
	for i, line := range texts[0] {
		if i >= len(texts[1]) || line != texts[1][i] {
			return "", fmt.Errorf("line %d differs: %q", i, line)
		}
	}
	if len(texts[1]) != len(texts[0]) {
		return "", fmt.Errorf("%d and %d lines", len(texts[0]), len(texts[1]))
	}
	return fmt.Sprintf("%d lines of a scrape of %d series, comments included", len(texts[0]), series), nil
}

// empty labels are the same to Prometheus as none.
var empty = regexp.MustCompile(`,?otel_scope_(schema_url|version)=""`)

// lines returns a sorted scrape after a change, and fails if packing loses any of it.
func (c collector) lines(ctx context.Context, series int) (lines []string, err error) {
	r, err := c.start(ctx, "prometheus")
	if err != nil {
		return nil, err
	}
	defer r.stop(&err)
	f := newFleet(series)
	all, err := f.all()
	if err := r.sendAll(ctx, all, err); err != nil {
		return nil, err
	}
	if _, err := r.text(ctx, true); err != nil {
		return nil, err
	}
	changed, err := f.change()
	if err := r.sendAll(ctx, changed, err); err != nil {
		return nil, err
	}
	plain, err := r.text(ctx, false)
	if err != nil {
		return nil, err
	}
	packed, err := r.text(ctx, true)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sorted(plain), sorted(packed)) {
		return nil, fmt.Errorf("what is packed differs from what is not")
	}
	if missing := f.missing(plain); missing != "" {
		return nil, fmt.Errorf("a scrape lacks %s", missing)
	}
	lines = strings.Split(strings.TrimSpace(empty.ReplaceAllString(string(plain), "")), "\n")
	slices.Sort(lines)
	return lines, nil
}

func sorted(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(lines, []byte("\n"))
}

// missing returns a series that a scrape does not have with its value, if any.
func (f *fleet) missing(text []byte) string {
	have := map[string]bool{}
	for line := range strings.Lines(string(empty.ReplaceAll(text, nil))) {
		have[strings.TrimSuffix(line, "\n")] = true
	}
	for i, v := range f.values {
		suffix := ""
		if i%names%2 == 0 {
			suffix = "_total"
		}
		want := fmt.Sprintf(`agent_metric_%02d%s{agent_name="agent-%d",instance="planner-1",job="planner",otel_scope_name="agents",outcome="completed",workflow_type="research"} %s`,
			i%names, suffix, i/names, strconv.FormatFloat(v, 'g', -1, 64))
		if !have[want] {
			return want
		}
	}
	return ""
}
