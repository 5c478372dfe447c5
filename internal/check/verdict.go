package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxReason bounds a reason in bytes. Drivers put whole answers into errors.
	maxReason = 1024
	// maxNotices bounds the notices of one run, and their attributes.
	maxNotices = 16
)

// verdict is what one run comes to, after what a probe may get wrong has been
// put right.
type verdict struct {
	state        State
	reason       string
	errorType    ErrorType
	condition    string
	duration     time.Duration
	steps        []Step
	measurements []Measurement
	notices      []Notice
}

// judge makes a verdict of what a probe returned. late is the error of the run's
// context: success after the deadline is a failure, because nobody who uses the
// target would have waited.
func judge(result Result, err, late error, timeout time.Duration) verdict {
	v := verdict{
		state:        result.State,
		reason:       oneLine(result.Reason),
		errorType:    result.ErrorType,
		condition:    oneLine(result.Condition),
		steps:        slices.Clone(result.Steps),
		measurements: slices.Clone(result.Measurements),
		notices:      tidy(result.Notices),
	}
	timedOut := errors.Is(late, context.DeadlineExceeded)
	switch {
	case err != nil && timedOut && errors.Is(err, context.DeadlineExceeded):
		v.state, v.errorType, v.reason = Unhealthy, Timeout, oneLine(err.Error())
	case err != nil:
		v.state, v.errorType, v.reason = Unknown, Internal, oneLine(err.Error())
	case timedOut && (v.state == Healthy || v.state == Degraded):
		v.state, v.errorType = Unhealthy, Timeout
		v.reason = fmt.Sprintf("answered after the timeout of %s", timeout)
	case v.state == Healthy:
		v.errorType, v.reason = None, ""
	case v.state > Unhealthy:
		v.state, v.errorType, v.reason = Unknown, Internal, "the probe returned no valid state"
	case !slices.Contains(errorTypes, v.errorType):
		v.errorType = Internal
	}
	if v.state != Healthy && v.reason == "" {
		v.reason = "the probe gave no reason"
	}
	if v.state != result.State || v.state == Healthy {
		v.condition = "" // it belongs to what the probe found
	}
	return v
}

// tidy copies what is fit for events.
func tidy(notices []Notice) []Notice {
	var out []Notice
	for _, n := range notices[:min(len(notices), maxNotices)] {
		attributes := make(map[string]string, len(n.Attributes))
		for _, key := range slices.Sorted(maps.Keys(n.Attributes)) {
			if len(attributes) < maxNotices {
				attributes[key] = oneLine(n.Attributes[key])
			}
		}
		out = append(out, Notice{Kind: n.Kind, Summary: oneLine(n.Summary), Attributes: attributes})
	}
	return out
}

// errorTypes lists what may stand behind a verdict other than Healthy. The order
// is part of what is saved: append only.
var errorTypes = []ErrorType{Timeout, Refused, DNS, TLS, Auth, Protocol, Assertion, ToolError, Internal}

// oneLine makes foreign text fit for a log record: valid UTF-8 of a bounded
// length without control characters.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxReason {
		end := maxReason - len("…")
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
