package expo

import "time"

// Renamed returns a store of the same series with each name of a metric or label
// passed through rename, for clients that cannot read the names as they are.
// Where that makes two series one, or two types meet, the first by the original
// name stays. It writes everything anew, without holding up updates, and takes
// as much memory again.
func (s *Store) Renamed(now time.Time, rename func(string) string) *Store {
	s.refresh(now)
	options := s.options
	options.Expiration = 0
	other := New(options)
	other.rooms.heap = true
	for _, e := range *s.index.Load() {
		target := e.Family
		target.Name = rename(e.Name)
		for _, p := range *e.pages.Load() {
			p.each(func(ser *series) { other.copy(now, target, ser, rename) })
		}
	}
	return other
}

// each calls visit for each series that was written to, with the page locked.
func (p *page) each(visit func(*series)) {
	p.mu.Lock()
	parts := p.parts
	if parts == nil {
		for _, ser := range p.series {
			if ser.written {
				visit(ser)
			}
		}
	}
	p.mu.Unlock()
	for _, part := range parts {
		part.each(visit)
	}
}

func (s *Store) copy(now time.Time, f Family, ser *series, rename func(string) string) {
	var labels []Label
	eachLabel(ser.body(), func(name, value string) {
		labels = append(labels, Label{rename(name), value})
	})
	h := &Handle{}
	if _, err := s.Open(now, h, Description{Family: f, Labels: labels}); err == nil && !h.series.written {
		sample := ser.sample(s.options.Timestamps)
		_, _ = s.Set(now, h, &sample) // fits: it is of the same type
	}
}
