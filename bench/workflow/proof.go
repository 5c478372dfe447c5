package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// settleTime is how long after the last span workflow has counted everything:
// what it waits for spans that may tell more, six times 5 s, and a tick.
const settleTime = 33 * time.Second

// counted returns what a collector with a prometheus exporter has counted, in the
// terms of what was sent.
func counted(ctx context.Context, r *running) (tally, error) {
	points, err := scrape(ctx, r.metrics)
	if err != nil {
		return nil, err
	}
	got := make(tally)
	for _, p := range points {
		if key := p.key(); key != "" {
			got[key] += int(p.value)
		}
	}
	return got, nil
}

// key names what a point counts, if it is one that is compared.
func (p *point) key() string {
	l := p.labels
	switch p.name {
	case "http_requests_total":
		return fmt.Sprintf("route %s %s %s", l["method"], l["endpoint"], l["status_class"])
	case "agent_tool_calls_total":
		return "tool " + l["tool"]
	case "database_operations_total":
		return fmt.Sprintf("table %s %s", l["operation"], l["table"])
	case "traces_span_metrics_calls_total":
		switch {
		case l["span_kind"] == "SPAN_KIND_SERVER" && l["http_route"] != "":
			return fmt.Sprintf("route %s %s %cxx", l["http_request_method"], l["http_route"], l["http_response_status_code"][0])
		case l["gen_ai_tool_name"] != "" && l["mcp_method_name"] == "":
			return "tool " + l["gen_ai_tool_name"]
		case l["db_collection_name"] != "":
			return fmt.Sprintf("table %s %s", l["db_operation_name"], l["db_collection_name"])
		}
	}
	return ""
}

// differ tells what was not counted as it was sent, or nothing.
func differ(sent, got tally) string {
	var faults []string
	keys := maps.Clone(sent)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if sent[key] != got[key] {
			faults = append(faults, fmt.Sprintf("%s: %d sent, %d counted", key, sent[key], got[key]))
		}
	}
	if n := len(faults); n > 5 {
		faults = append(faults[:5], fmt.Sprintf("and %d more", n-5))
	}
	return strings.Join(faults, "; ")
}

// prove sends the same to both and returns what both have counted.
func prove(ctx context.Context, binary string, requests int) (summary string, err error) {
	for _, s := range []subject{workflow(""), spanMetrics("")} {
		l, err := newLoad()
		if err != nil {
			return "", err
		}
		if summary, err = s.prove(ctx, binary, l, requests); err != nil {
			return "", fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return summary, nil
}

func (s subject) prove(ctx context.Context, binary string, l *load, requests int) (summary string, err error) {
	r, err := s.start(ctx, binary, "prometheus")
	if err != nil {
		return "", err
	}
	defer r.stop(&err)
	if _, err := r.stream(ctx, l, proofRate, requests); err != nil {
		return "", err
	}
	return r.verify(ctx, l.held())
}

// verify waits until everything that was sent is counted, and looks again when all
// has settled, in case that more is counted then.
func (r *running) verify(ctx context.Context, sent tally) (summary string, err error) {
	settled := time.Now().Add(settleTime)
	for {
		got, err := counted(ctx, r)
		if err != nil {
			return "", err
		}
		fault := differ(sent, got)
		late := time.Now().After(settled)
		if fault == "" && late {
			return sent.summary(), nil
		}
		if time.Now().After(settled.Add(20 * time.Second)) {
			return "", fmt.Errorf("what was sent is not what was counted: %s", fault)
		}
		pause := time.Second
		if fault == "" {
			pause = time.Until(settled) + time.Millisecond
		}
		if err := r.sleep(ctx, pause); err != nil {
			return "", err
		}
	}
}

// proofRate is the spans a second of the proof.
const proofRate = 20_000

// summary adds up the kinds of what was sent.
func (t tally) summary() string {
	var routes, tools, tables [2]int // how many different ones, and how often
	for key, count := range t {
		kind := &tables
		switch key[:5] {
		case "route":
			kind = &routes
		case "tool ":
			kind = &tools
		}
		kind[0]++
		kind[1] += count
	}
	return fmt.Sprintf("%d HTTP requests of %d routes and status classes, %d calls of %d tools, %d queries of %d tables",
		routes[1], routes[0], tools[1], tools[0], tables[1], tables[0])
}
