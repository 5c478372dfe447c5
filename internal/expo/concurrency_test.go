package expo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Series come, go and change while scrapes of every kind are under way; those
// that stay are in each scrape, once.
func TestScrapesWhileEverythingChanges(t *testing.T) {
	t.Run("small pages", func(t *testing.T) { scrapeWhileEverythingChanges(t, "") })
	t.Run("large pages", func(t *testing.T) { scrapeWhileEverythingChanges(t, strings.Repeat("z", 200)) })
}

// scrapeWhileEverythingChanges with series whose labels end in tail.
func scrapeWhileEverythingChanges(t *testing.T, tail string) {
	const steady = 700
	s := New(Options{MaxSeries: 100_000})
	var handles []*Handle
	for i := range steady {
		handles = append(handles, put(t, s, at(0), gauge("steady"), Sample{Value: 1}, Label{"i", fmt.Sprintf("%04d", i) + tail}))
	}
	s.Publish()
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Set(at(0), handles[(2*n+w)%steady], &Sample{Value: float64(n)}); err != nil {
					t.Error(err)
				}
				h := &Handle{}
				label := Label{"i", fmt.Sprintf("%04d-%d-%d", n%steady, w, n) + tail}
				if _, err := s.Open(at(0), h, Description{Family: gauge("steady"), Labels: []Label{label}}); err != nil {
					t.Error(err)
				} else if _, err := s.Set(at(0), h, &Sample{Value: 2}); err != nil {
					t.Error(err)
				}
				if n%3 > 0 {
					s.Remove(h)
				}
				if n%500 == 0 {
					runtime.GC() // memory that is not reachable any more goes
				}
				if n >= 3000 {
					return
				}
			}
		})
	}
	var scrapers sync.WaitGroup
	for _, f := range []Format{{Text, Plain}, {Text, Gzip}, {OpenMetrics, Gzip}, {Protobuf, Plain}} {
		scrapers.Go(func() {
			for range 30 {
				var b bytes.Buffer
				if err := s.Write(&b, at(0), f); err != nil {
					t.Error(err)
				}
				text := b.String()
				if f.Encoding == Gzip {
					z, err := gzip.NewReader(&b)
					if err != nil {
						t.Error(err)
						return
					}
					all, err := io.ReadAll(z)
					if err != nil {
						t.Error(err)
					}
					text = string(all)
				}
				if f.Syntax == Protobuf {
					continue
				}
				seen := map[string]int{}
				for line := range strings.Lines(text) {
					head, _, _ := strings.Cut(line, "} ")
					seen[head]++
				}
				for i := range steady {
					if n := seen[fmt.Sprintf(`steady{i="%04d%s"`, i, tail)]; n != 1 {
						t.Errorf("series %d is there %d times", i, n)
						return
					}
				}
			}
		})
	}
	scrapers.Wait()
	close(stop)
	writers.Wait()
	require.GreaterOrEqual(t, s.Stats().Series, steady)
}
