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
		if _, err := s.Set(at(0), h, &Sample{Value: v}); err != nil {
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
			if _, err := open(s, at(0), gauge("metric_00"), labels...); err != nil {
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
		_ = s.Write(io.Discard, at(0), Format{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}

func BenchmarkScrape10kUnchanged(b *testing.B) {
	s, _ := filled(b)
	for b.Loop() {
		_ = s.Write(io.Discard, at(0), Format{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
}

// A tenth of the series has changed since the scrape before.
func BenchmarkScrape10kTenthChanged(b *testing.B) {
	for name, encoding := range map[string]Encoding{"plain": Plain, "gzip": Gzip, "zstd": Zstd} {
		b.Run(name, func(b *testing.B) {
			s, handles := filled(b)
			for v := 0.5; b.Loop(); v++ {
				b.StopTimer()
				for i := range handles { // from every family
					if i/50%10 == int(v)%10 {
						set(b, s, handles[i:i+1], v/7)
					}
				}
				b.StartTimer()
				_ = s.Write(io.Discard, at(0), Format{Encoding: encoding})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/many, "ns/series")
		})
	}
}
