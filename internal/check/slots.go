package check

import (
	"context"
	"time"
)

// slowRun is how long the last run of a check must have taken for the next one to
// count as slow.
const slowRun = time.Second

// slots bounds how many runs are under way: over all, for each host, and of those
// that are known to be slow. Slow ones never hold more than half of all slots, so
// that targets that hang wait for each other and not the others for them.
type slots struct {
	all, slow chan struct{}
	hosts     map[string]chan struct{} // never written to after newSlots
}

func newSlots(checks []Check, s Settings) *slots {
	out := &slots{
		all:   make(chan struct{}, s.MaxConcurrent),
		slow:  make(chan struct{}, max(1, s.MaxConcurrent/2)),
		hosts: map[string]chan struct{}{},
	}
	if s.MaxConcurrentPerHost > 0 {
		for _, c := range checks {
			if c.Host != "" && out.hosts[c.Host] == nil {
				out.hosts[c.Host] = make(chan struct{}, s.MaxConcurrentPerHost)
			}
		}
	}
	return out
}

// take waits until a run may begin, and returns what to call when it has ended.
// It returns nil when ctx is done first. What is wanted by most is taken last.
func (s *slots) take(ctx context.Context, host string, slow bool) (release func()) {
	var wanted []chan struct{}
	if one := s.hosts[host]; one != nil {
		wanted = append(wanted, one)
	}
	if slow {
		wanted = append(wanted, s.slow)
	}
	wanted = append(wanted, s.all)
	for i, slot := range wanted {
		select {
		case slot <- struct{}{}:
		case <-ctx.Done():
			free(wanted[:i])
			return nil
		}
	}
	return func() { free(wanted) }
}

func free(taken []chan struct{}) {
	for _, slot := range taken {
		<-slot
	}
}
