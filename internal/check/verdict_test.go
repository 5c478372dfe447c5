package check

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestVerdicts(t *testing.T) {
	late := context.DeadlineExceeded
	for name, tc := range map[string]struct {
		result    Result
		err, late error
		want      verdict
	}{
		"healthy":                       {Result{State: Healthy, Reason: "chatty", ErrorType: Assertion}, nil, nil, verdict{state: Healthy}},
		"degraded":                      {degraded, nil, nil, verdict{state: Degraded, errorType: Assertion, reason: degraded.Reason}},
		"unhealthy":                     {refused, nil, nil, verdict{state: Unhealthy, errorType: Refused, reason: refused.Reason}},
		"probe failed":                  {Result{}, errors.New("no\n/proc"), nil, verdict{errorType: Internal, reason: "no /proc"}},
		"probe failed over healthy":     {healthy, errors.New("x"), nil, verdict{errorType: Internal, reason: "x"}},
		"probe returned the deadline":   {Result{}, fmt.Errorf("dial: %w", late), late, verdict{state: Unhealthy, errorType: Timeout, reason: "dial: context deadline exceeded"}},
		"an inner deadline is no fault": {Result{}, fmt.Errorf("dial: %w", late), nil, verdict{errorType: Internal, reason: "dial: context deadline exceeded"}},
		"healthy too late":              {healthy, nil, late, verdict{state: Unhealthy, errorType: Timeout, reason: "answered after the timeout of 2s"}},
		"degraded too late":             {degraded, nil, late, verdict{state: Unhealthy, errorType: Timeout, reason: "answered after the timeout of 2s"}},
		"unhealthy late keeps its word": {refused, nil, late, verdict{state: Unhealthy, errorType: Refused, reason: refused.Reason}},
		"unknown without reason":        {Result{}, nil, nil, verdict{errorType: Internal, reason: "the probe gave no reason"}},
		"invented error type":           {Result{State: Unhealthy, ErrorType: "gremlins", Reason: "x"}, nil, nil, verdict{state: Unhealthy, errorType: Internal, reason: "x"}},
		"invented state":                {Result{State: 9, ErrorType: Auth}, nil, nil, verdict{errorType: Internal, reason: "the probe returned no valid state"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, judge(tc.result, tc.err, tc.late, 2*time.Second))
		})
	}
}

func TestAVerdictDoesNotShareTheProbesSlices(t *testing.T) {
	steps := []Step{{Name: "connect"}}
	v := judge(Result{State: Healthy, Steps: steps}, nil, nil, time.Second)
	steps[0].Name = "reused"
	require.Equal(t, "connect", v.steps[0].Name)
}

func FuzzOneLine(f *testing.F) {
	f.Add("plain")
	f.Add("a\r\nb\x00\xff")
	f.Add(strings.Repeat("ü", 600))
	f.Fuzz(func(t *testing.T, s string) {
		got := oneLine(s)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), maxReason)
		require.False(t, strings.ContainsAny(got, "\n\r\x00"))
	})
}
