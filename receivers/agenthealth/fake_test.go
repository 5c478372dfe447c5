package agenthealth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadata"
)

// answers is a probe that gives one answer after the other, and the last one for
// ever.
type answers []check.Result

func (a *answers) Run(context.Context) (check.Result, error) {
	list := *a
	if len(list) > 1 {
		*a = list[1:]
	}
	return list[0], nil
}

func answering(list ...check.Result) check.Probe { return (*answers)(&list) }

func fake(name string, p check.Probe) check.Check {
	return check.Check{Name: name, Type: "fake", Interval: 15 * time.Second, Timeout: 5 * time.Second, Probe: p}
}

func critical(c check.Check) check.Check {
	c.Critical = true
	return c
}

var (
	healthy = check.Result{State: check.Healthy, Steps: []check.Step{{Name: "connect", Duration: 2 * time.Millisecond}}}
	refused = check.Result{State: check.Unhealthy, ErrorType: check.Refused, Reason: "connecting to db:5432: connection refused"}
	slow    = check.Result{State: check.Degraded, ErrorType: check.Assertion, Reason: "PING took 600ms, more than 500ms"}
)

// settings are those of a receiver on a host without a name, so that what it
// sends is the same everywhere.
func settings() receiver.Settings { return receivertest.NewNopSettings(metadata.Type) }

func anonymous() *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.ResourceAttributes.HostName.Enabled = false
	return cfg
}

// withChecks returns a receiver that has the checks instead of those of a
// configuration.
func withChecks(t *testing.T, set receiver.Settings, checks ...check.Check) *agentHealth {
	t.Helper()
	r, err := newAgentHealth(anonymous(), set, func() {})
	require.NoError(t, err)
	r.checks = func(context.Context, component.Host, *heartbeat.Store) ([]check.Check, error) { return checks, nil }
	return r
}

func start(t *testing.T, r *agentHealth) {
	t.Helper()
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
}

func until(d time.Duration) {
	time.Sleep(d + time.Nanosecond)
	synctest.Wait()
}

// metricsSink keeps what it gets and when.
type metricsSink struct {
	mu      sync.Mutex
	batches []pmetric.Metrics
	times   []time.Duration
	began   time.Time
}

func newMetricsSink() *metricsSink { return &metricsSink{began: time.Now()} }

func (s *metricsSink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *metricsSink) ConsumeMetrics(_ context.Context, m pmetric.Metrics) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, m)
	s.times = append(s.times, time.Since(s.began).Truncate(time.Millisecond))
	return nil
}

func (s *metricsSink) last() pmetric.Metrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches[len(s.batches)-1]
}

var errBusy = errors.New("memory is short")

// logsSink keeps what it gets after it has refused a number of times.
type logsSink struct {
	mu      sync.Mutex
	refuse  int
	with    error
	asked   int
	records []plog.Logs
}

func (s *logsSink) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (s *logsSink) ConsumeLogs(_ context.Context, l plog.Logs) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.refuse > 0 {
		s.refuse--
		l.ResourceLogs().RemoveIf(func(plog.ResourceLogs) bool { return true })
		return s.with
	}
	s.records = append(s.records, l)
	return nil
}

func (s *logsSink) bodies() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.records {
		out = append(out, l.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str())
	}
	return out
}
