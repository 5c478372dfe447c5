package heartbeat

import (
	"maps"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/watchkeeper/watchkeeper/internal/check/heartbeat/otlp"
)

// The attributes of a resource that say who it is; see the semantic conventions of
// OpenTelemetry for services.
const (
	serviceName     = "service.name"
	serviceInstance = "service.instance.id"
)

// maxAhead is how far the clock of a sender may be ahead of ours before we no longer
// believe that its spans ended in the order of their times. A clock that was put back
// by less looks like work that stands still for as long.
const maxAhead = 5 * time.Minute

// Sender says whose telemetry is a sign of life: that of resources with this
// service.name and all of these attributes, as text.
type Sender struct {
	Service    string
	Attributes map[string]string
}

func (s Sender) is(attributes map[string]string) bool {
	for key, value := range s.Attributes {
		if got, ok := attributes[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// await has telemetry of the agent looked for. The caller holds the lock.
func (s *Store) await(a *agent) {
	if s.byService == nil {
		s.byService = map[string][]*agent{}
	}
	s.byService[a.sender.Service] = append(s.byService[a.sender.Service], a)
	wanted := maps.Clone(s.wanted)
	if wanted == nil {
		wanted = map[string]bool{serviceName: true, serviceInstance: true}
	}
	for key := range a.sender.Attributes {
		wanted[key] = true
	}
	s.wanted = wanted
}

// Telemetry records the senders of an OTLP export request as alive at now. A request
// that is malformed anywhere records nothing, and the error wraps
// [otlp.ErrMalformed].
func (s *Store) Telemetry(signal otlp.Signal, json bool, body []byte, now time.Time) error {
	s.mu.Lock()
	r := otlp.Reader{Wanted: s.wanted}
	s.mu.Unlock()
	read := r.Protobuf
	if json {
		read = r.JSON
	}
	if err := read(signal, body); err != nil {
		return err
	}
	r.Yield = func(one *otlp.Resource) { s.heard(signOf(signal), one, now) }
	return read(signal, body)
}

// heard takes a resource that sent something.
func (s *Store) heard(sign Sign, r *otlp.Resource, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := false
	for _, a := range s.byService[r.Attributes[serviceName]] {
		if a.sender.is(r.Attributes) {
			known = true
			a.heard(sign, r, now)
		}
	}
	if !known {
		s.strangers[sign]++
	}
}

func (a *agent) heard(sign Sign, r *otlp.Resource, now time.Time) {
	a.life.note(sign, now)
	one, tracked := a.instances.GetOrCreate(now, xxhash.Sum64String(r.Attributes[serviceInstance]), func() *instance { return new(instance) })
	switch {
	case r.Ended == 0:
	case !tracked:
		// Whether it is new cannot be known, so the agent has the benefit of the doubt.
		a.life.worked = now
	case r.Ended > one.ended || one.ended > uint64(now.Add(maxAhead).UnixNano()):
		one.ended = r.Ended
		a.life.worked = now
	}
}

// instances returns how many instances of an agent were heard of lately, zero for one
// whose telemetry nobody waits for.
func (s *Store) instances(name string, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.agents[name]
	if a.instances == nil {
		return 0
	}
	a.instances.Expire(now)
	return a.instances.Len()
}
