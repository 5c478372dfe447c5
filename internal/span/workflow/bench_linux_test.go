package workflow

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

// plain are the spans of a trace without agents.
func plain() []given {
	spans := []given{mk(1, 0, span.HTTPServer, 0, 100)}
	for k := range uint64(9) {
		spans = append(spans, mk(2+k, 1, []span.Type{span.Database, span.HTTPClient, span.Other}[k%3], int64(k), int64(k)+5))
	}
	return spans
}

// bench adds traces at a thousand a second. Beside the time it tells the time of
// the processor, which other programs on the machine do not make longer.
func bench(b *testing.B, spans []given) {
	q := &quiet{}
	settings := DefaultSettings()
	settings.Remember = 10 * time.Second
	a := New(settings, q)
	n, trace := 0, uint64(0)
	add := func() {
		s := &spans[n%len(spans)]
		if n%len(spans) == 0 {
			trace++
		}
		binary.BigEndian.PutUint64(s.s.TraceID[8:], trace)
		now := epoch.Add(time.Duration(trace) * time.Millisecond)
		a.Add(now, &s.s, &s.m)
		if n++; n%1000 == 0 {
			a.Tick(now)
		}
	}
	for trace < 60_000 {
		add()
	}
	runtime.GC()
	b.ReportAllocs()
	before := cpuTime()
	done := 0
	for b.Loop() {
		add()
		done++
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(done), "cpu-ns/op")
	b.ReportMetric(float64(a.Stats().Traces), "traces")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkAgenticSpan(b *testing.B) { bench(b, twenty()) }
func BenchmarkPlainSpan(b *testing.B)   { bench(b, plain()) }

func BenchmarkLookAtLargeWorkflow(b *testing.B) {
	q := &quiet{}
	s := DefaultSettings()
	a := New(s, q)
	for i := range uint64(10_000) {
		g := mk(i+2, i/10+1, span.Tool, int64(i), int64(i)+5, tool("t"), args(i))
		a.Add(epoch, &g.s, &g.m)
	}
	f := a.byTrace[traceID(0)]
	b.ReportAllocs()
	for b.Loop() {
		a.look.flow = nil
		a.look.at(a, f)
	}
}
