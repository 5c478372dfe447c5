package expo

import (
	"io"
	"slices"
	"strings"
	"time"
)

// Snapshot is the text of all series at one moment, families by name and series
// by labels. It is immutable and may outlive its store.
type Snapshot struct{ segments [][]byte }

// Len returns the number of bytes that WriteTo writes.
func (s Snapshot) Len() int {
	n := 0
	for _, segment := range s.segments {
		n += len(segment)
	}
	return n
}

// WriteTo writes the text, family by family. It holds no lock.
func (s Snapshot) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for _, segment := range s.segments {
		n, err := w.Write(segment)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// Snapshot removes what has expired by now and returns the rest. Updates wait
// while the families that changed since the last snapshot are rendered.
func (s *Store) Snapshot(now time.Time) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	return s.snapshot()
}

// Renamed is Snapshot with each name of a metric or label passed through rename,
// for clients that cannot read the names as they are. Where that makes two
// series one, or two types meet, the first by the original name stays. It needs
// Options.KeepLabels and renders everything anew, with updates waiting.
func (s *Store) Renamed(now time.Time, rename func(string) string) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	options := s.options
	options.Expiration = 0
	other := New(options)
	for _, f := range s.sorted() {
		target := Family{Name: rename(f.name), Help: f.help, Type: f.kind}
		f.tidy()
		for _, ser := range f.series {
			if !ser.written {
				continue
			}
			labels := make([]Label, len(ser.labels))
			for i, l := range ser.labels {
				labels[i] = Label{Name: rename(l.Name), Value: l.Value}
			}
			h, err := other.Open(now, target, labels)
			if err == nil && !h.series.written {
				_, _ = other.Set(now, h, ser.sample) // fits: it is of the same type
			}
		}
	}
	return other.snapshot()
}

func (s *Store) snapshot() Snapshot {
	families := s.sorted()
	segments := make([][]byte, 0, len(families))
	for _, f := range families {
		if segment := f.render(s.options.Timestamps); len(segment) > 0 {
			segments = append(segments, segment)
		}
	}
	return Snapshot{segments: segments}
}

func (s *Store) sorted() []*family {
	if s.order == nil {
		s.order = make([]*family, 0, s.families)
		for name, f := range s.claims {
			if name == f.name {
				s.order = append(s.order, f)
			}
		}
		slices.SortFunc(s.order, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	}
	return s.order
}
