package expo

import (
	"fmt"
	"io"
	"testing"
)

const many = 10_000

func filled(b *testing.B) (*Store, []*Handle) {
	s := New(Options{MaxSeries: many})
	handles := make([]*Handle, many)
	for i := range handles {
		handles[i] = put(b, s, at(0), gauge(fmt.Sprintf("metric_%02d", i%50)), Sample{Value: float64(i)},
			Label{"job", "fleet/agents"}, Label{"instance", fmt.Sprintf("agent-%d", i)}, Label{"workflow_type", "research"})
	}
	b.ReportAllocs()
	return s, handles
}

func set(b *testing.B, s *Store, handles []*Handle, v float64) {
	for _, h := range handles {
		if _, err := s.Set(at(0), h, Sample{Value: v}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate10k(b *testing.B) {
	s, handles := filled(b)
	for v := 0.5; b.Loop(); v++ {
		set(b, s, handles, v)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}

func BenchmarkOpen10k(b *testing.B) {
	s, _ := filled(b)
	labels := []Label{{"job", "fleet/agents"}, {"instance", "agent-0"}, {"workflow_type", "research"}}
	for b.Loop() {
		for range many {
			if _, err := s.Open(at(0), gauge("metric_00"), labels); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}

func BenchmarkScrape10kAllChanged(b *testing.B) {
	s, handles := filled(b)
	for v := 0.5; b.Loop(); v++ {
		b.StopTimer()
		set(b, s, handles, v)
		b.StartTimer()
		_, _ = s.Snapshot(at(0)).WriteTo(io.Discard)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}

func BenchmarkScrape10kUnchanged(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		_, _ = s.Snapshot(at(0)).WriteTo(io.Discard)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}
