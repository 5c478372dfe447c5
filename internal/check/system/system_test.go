package system

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a root folder whose /proc says what a test wants.
type host struct {
	t    *testing.T
	root string
}

func newHost(t *testing.T) host {
	h := host{t, t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(h.root, "proc"), 0o755))
	h.cpu(0, 100)
	h.memory(1000, 900)
	return h
}

func (h host) write(name, text string) {
	require.NoError(h.t, os.WriteFile(filepath.Join(h.root, "proc", name), []byte(text), 0o644))
}

// cpu sets seconds of busy and idle time since the start.
func (h host) cpu(busy, idle int) {
	h.write("stat", fmt.Sprintf("cpu  %d 0 %d %d 0 0 0 0 0 0\n", busy*50, busy*50, idle*100))
}

func (h host) memory(total, available int) {
	h.write("meminfo", fmt.Sprintf("MemTotal: %d kB\nMemFree: 1 kB\nMemAvailable: %d kB\n", total, available))
}

func (h host) probe(change func(*Settings)) *Probe {
	s := DefaultSettings()
	s.RootPath, s.MaxDisk, s.CriticalDisk = h.root, 0, 0
	if change != nil {
		change(&s)
	}
	p, err := New(s)
	require.NoError(h.t, err)
	return p
}

func run(t *testing.T, p *Probe) check.Result {
	t.Helper()
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.State == check.Healthy, r.ErrorType == check.None)
	require.Equal(t, r.State == check.Healthy, r.Reason == "")
	return r
}

// primed is a probe that has seen the processors once.
func (h host) primed(change func(*Settings)) *Probe {
	p := h.probe(change)
	p.cpu.last = &cpuTimes{busy: 0, total: 100}
	return p
}

func TestThisHostCanBeRead(t *testing.T) {
	p, err := New(Settings{})
	require.NoError(t, err)
	start := time.Now()
	r := run(t, p)
	require.GreaterOrEqual(t, time.Since(start), firstSample)
	require.Equal(t, check.Healthy, r.State)
	require.Len(t, r.Steps, 3)
	for i, name := range []string{"cpu", "memory", "disk"} {
		require.Equal(t, name, r.Steps[i].Name)
	}
}

func TestProcessorUseIsThatSinceTheLastRun(t *testing.T) {
	h := newHost(t)
	p := h.primed(nil)
	h.cpu(95, 105)
	r := run(t, p)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Equal(t, "cpu is used to 95.0 %, more than 90 %", r.Reason)
	h.cpu(95+50, 105+50)
	require.Equal(t, check.Healthy, run(t, p).State)
	h.cpu(95+50+100, 105+50)
	r = run(t, p)
	require.Equal(t, check.Degraded, r.State, "processors have no critical threshold")
	require.Equal(t, "cpu is used to 100.0 %, more than 90 %", r.Reason)
}

func TestMemoryHasTwoThresholds(t *testing.T) {
	h := newHost(t)
	for _, test := range []struct {
		available int
		want      check.State
		reason    string
	}{
		{1000, check.Healthy, ""},
		{100, check.Healthy, ""},
		{99, check.Degraded, "memory is used to 90.1 %, more than 90 %"},
		{20, check.Degraded, "memory is used to 98.0 %, more than 90 %"},
		{19, check.Unhealthy, "memory is used to 98.1 %, more than 98 %"},
	} {
		p := h.primed(nil)
		h.cpu(10, 190)
		h.memory(1000, test.available)
		r := run(t, p)
		require.Equal(t, test.want, r.State)
		require.Equal(t, test.reason, r.Reason)
	}
}

func TestDiskBelowTheRootIsJudged(t *testing.T) {
	h := newHost(t)
	require.NoError(t, os.Mkdir(filepath.Join(h.root, "data"), 0o755))
	p := h.primed(func(s *Settings) { s.DiskPath, s.MaxDisk = "/data", 0.000001 })
	h.cpu(10, 190)
	r := run(t, p)
	require.Equal(t, check.Degraded, r.State)
	require.Regexp(t, `^disk is used to \d+\.\d %, more than 1e-06 %$`, r.Reason)

	p = h.primed(func(s *Settings) { s.DiskPath = "/nowhere" })
	r, err := p.Run(t.Context())
	require.ErrorContains(t, err, "reading the use of disk: no such file")
	require.Equal(t, check.Unknown, r.State)
	require.Len(t, r.Steps, 3)
}

func TestWorstStateWinsAndEveryReasonIsGiven(t *testing.T) {
	h := newHost(t)
	p := h.primed(nil)
	h.cpu(95, 105)
	h.memory(1000, 10)
	r := run(t, p)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, "cpu is used to 95.0 %, more than 90 %; memory is used to 99.0 %, more than 98 %", r.Reason)
}

func TestWhatCannotBeReadIsNotHeldAgainstTheHost(t *testing.T) {
	h := newHost(t)
	p := h.primed(nil)
	h.write("stat", "")
	_, err := p.Run(t.Context())
	require.EqualError(t, err, "reading the use of cpu: no processor times")

	h.cpu(10, 190)
	h.memory(0, 0)
	_, err = p.Run(t.Context())
	require.EqualError(t, err, "reading the use of memory: of 0 bytes, 0 are available")
}

func TestFirstRunHeedsTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_, err := newHost(t).probe(nil).Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(start), firstSample)
}

func TestFileSystemThatHangsIsNotAskedTwice(t *testing.T) {
	d := diskUsage{path: "/", pending: make(chan diskAnswer, 1)}
	_, err := d.percent(t.Context())
	require.ErrorIs(t, err, errDiskHangs)

	d.pending <- diskAnswer{percent: 99}
	used, err := d.percent(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, 99.0, used, "the answer is a new one")
	require.Nil(t, d.pending)
}

func TestThresholdsArePercentages(t *testing.T) {
	_, err := New(Settings{MaxCPU: 101})
	require.EqualError(t, err, "cpu threshold 101: want a percentage, 0 to 100")
	_, err = New(Settings{CriticalDisk: -1})
	require.EqualError(t, err, "critical disk threshold -1: want a percentage, 0 to 100")
}
