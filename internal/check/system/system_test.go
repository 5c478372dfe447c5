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
	require.NoError(t, os.MkdirAll(filepath.Join(h.root, "proc", "sys", "fs"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(h.root, "proc", "pressure"), 0o755))
	h.write("loadavg", "9.00 1.00 0.50 2/100 4711\n")
	h.write("sys/fs/file-nr", "100\t0\t1000\n")
	for _, resource := range []string{"cpu", "memory", "io"} {
		h.pressure(resource, "0.00")
	}
	return h
}

func (h host) write(name, text string) {
	require.NoError(h.t, os.WriteFile(filepath.Join(h.root, "proc", name), []byte(text), 0o644))
}

func (h host) pressure(resource, avg10 string) {
	h.write("pressure/"+resource, "some avg10="+avg10+" avg60=99.00 avg300=99.00 total=1\nfull avg10=99.00 avg60=99.00 avg300=99.00 total=1\n")
}

// cpu sets seconds of busy and idle time since the start.
func (h host) cpu(busy, idle int) {
	h.write("stat", fmt.Sprintf("cpu  %d 0 %d %d 0 0 0 0 0 0\ncpu0 0\ncpu1 0\nintr 0\n", busy*50, busy*50, idle*100))
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
	for i, name := range []string{"cpu", "memory", "disk", "load", "open_files"} {
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

	p = h.primed(func(s *Settings) { s.DiskPath, s.MaxDisk, s.CriticalDisk = "/data", 0.000001, 0.000002 })
	h.cpu(10, 190)
	r = run(t, p)
	require.Equal(t, check.Unhealthy, r.State)
	require.Regexp(t, `^disk is used to \d+\.\d %, more than 2e-06 %$`, r.Reason)

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
	_, err := newHost(t).probe(nil).Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
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

func TestEverythingIsMeasured(t *testing.T) {
	h := newHost(t)
	p := h.primed(nil)
	h.cpu(10, 190)
	h.pressure("memory", "12.50")
	r := run(t, p)
	require.Equal(t, check.Healthy, r.State)
	require.Len(t, r.Measurements, 8)
	r.Measurements[2].Value = 0 // the disk is the real one
	of := func(resource string) map[string]string { return map[string]string{"resource": resource} }
	require.Equal(t, []check.Measurement{
		{Name: "host.utilization", Value: 0.1, Attributes: of("cpu")},
		{Name: "host.utilization", Value: 0.1, Attributes: of("memory")},
		{Name: "host.utilization", Attributes: of("disk")},
		{Name: "host.load", Value: 0.5},
		{Name: "host.utilization", Value: 0.1, Attributes: of("open_files")},
		{Name: "host.pressure", Value: 0, Attributes: of("cpu")},
		{Name: "host.pressure", Value: 0.125, Attributes: of("memory")},
		{Name: "host.pressure", Value: 0, Attributes: of("io")},
	}, r.Measurements)
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"cpu", "memory", "disk", "load", "open_files", "cpu_pressure", "memory_pressure", "io_pressure"}, names)
}

func TestLoadFilesAndPressureDegradeOnly(t *testing.T) {
	h := newHost(t)
	p := h.primed(func(s *Settings) {
		s.MaxLoad, s.MaxOpenFiles = 2, 80
		s.MaxCPUPressure, s.MaxMemoryPressure, s.MaxIOPressure = 30, 20, 10
	})
	h.cpu(10, 190)
	h.write("loadavg", "0.00 4.20 0.00 2/100 4711\n")
	h.write("sys/fs/file-nr", "1000\t100\t1000\n")
	h.pressure("cpu", "30.01")
	h.pressure("memory", "100.00")
	h.pressure("io", "10.00")
	r := run(t, p)
	require.Equal(t, check.Degraded, r.State)
	require.Equal(t, "the load is 2.1 a processor, more than 2; the table of open files is used to 90.0 %, more than 80 %; "+
		"cpu was waited for 30.0 % of the last ten seconds, more than 30 %; memory was waited for 100.0 % of the last ten seconds, more than 20 %", r.Reason)
}

func TestKernelThatMeasuresNoPressurePasses(t *testing.T) {
	h := newHost(t)
	require.NoError(t, os.RemoveAll(filepath.Join(h.root, "proc", "pressure")))
	p := h.primed(func(s *Settings) { s.MaxCPUPressure = 1 })
	h.cpu(10, 190)
	r := run(t, p)
	require.Equal(t, check.Healthy, r.State)
	require.Len(t, r.Steps, 5)
	require.Len(t, r.Measurements, 5)
}

func TestProcFilesThatMakeNoSense(t *testing.T) {
	for name, text := range map[string]string{"loadavg": "1.0\n", "sys/fs/file-nr": "1 2\n", "pressure/io": "some avg10=NaN\n"} {
		h := newHost(t)
		p := h.primed(nil)
		h.cpu(10, 190)
		h.write(name, text)
		_, err := p.Run(t.Context())
		require.ErrorContains(t, err, "reading the use of", name)
	}
}

func FuzzProcFiles(f *testing.F) {
	f.Add("0.10 0.20 0.30 1/100 4711\n")
	f.Add("1024\t0\t9223372036854775807\n")
	f.Add("some avg10=0.12 avg60=0.00 avg300=0.00 total=9\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (float64, error){parseLoad, parseFiles, parsePressure} {
			if n, err := parse(text); err == nil {
				require.GreaterOrEqual(t, n, 0.0)
			}
		}
		require.GreaterOrEqual(t, processors([]byte(text)), 0)
	})
}
