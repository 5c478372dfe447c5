package heartbeat

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/watchkeeper/watchkeeper/internal/boundedmap"
)

// Store keeps the signs of life of each agent that a probe was made for, and of no
// other: strangers cannot fill it, but are counted. Nothing of what telemetry holds
// is kept but when it came. Its methods may be called concurrently. The zero Store is
// ready for use.
type Store struct {
	mu     sync.Mutex
	agents map[string]*agent
	// byService holds the agents whose telemetry is awaited, and wanted the attributes
	// by which they are told apart. A new map takes the place of wanted when that
	// changes, so that readers need no lock.
	byService map[string][]*agent
	wanted    map[string]bool
	strangers [signs]uint64
}

// agent is what is known of one.
type agent struct {
	life   life
	sender Sender
	// instances are those processes of the agent that sent telemetry lately, by a hash
	// of their service.instance.id. It is nil when telemetry is not awaited.
	instances *boundedmap.Map[uint64, *instance]
}

// instance is one process of an agent.
type instance struct {
	// ended is the latest end of a span, in nanoseconds of Unix time.
	ended uint64
}

// life is what the signs of an agent have told.
type life struct {
	// last is when the last one of each kind came, zero if none did.
	last [signs]time.Time
	// worked is when a span came that had ended later than those before it.
	worked time.Time
	// progress is a hash of what the last call told of progress, and same how many in
	// a row have told it, zero if it told nothing.
	progress uint64
	same     int
}

// latest returns the newest sign and its kind, Any if none came.
func (l life) latest() (Sign, time.Time) {
	kind := Any
	for _, sign := range Signs {
		if !l.last[sign].IsZero() && (kind == Any || l.last[sign].After(l.last[kind])) {
			kind = sign
		}
	}
	return kind, l.last[kind]
}

func (l life) lived() bool {
	sign, _ := l.latest()
	return sign != Any
}

// note takes a sign that came at now.
func (l *life) note(sign Sign, now time.Time) {
	if now.After(l.last[sign]) {
		l.last[sign] = now
	}
}

// Beat records that the agent called at now, and how far its work has come: any text
// of up to MaxProgress bytes that changes when the work gets on. Progress is empty when
// the agent has nothing to do or does not tell. Beat is false, and records nothing,
// when no probe has the name or progress is too long.
func (s *Store) Beat(name, progress string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.agents[name]
	if !ok {
		s.strangers[Call]++
		return false
	}
	if len(progress) > MaxProgress {
		return false
	}
	l := &a.life
	l.note(Call, now)
	hash := xxhash.Sum64String(progress)
	switch {
	case progress == "":
		l.progress, l.same = 0, 0
	case l.same > 0 && l.progress == hash:
		l.same++
	default:
		l.progress, l.same = hash, 1
	}
	return true
}

// Counts are what a Store has turned away since it was made.
type Counts struct {
	// Strangers counts calls under unknown names, and resources in telemetry for which
	// no probe waits, by the kind of the sign.
	Strangers [signs]uint64
	// Untracked counts times at which telemetry came from one instance more of an agent
	// than are remembered. It was a sign of life of the agent all the same.
	Untracked uint64
}

// Counts returns what has been turned away so far.
func (s *Store) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Counts{Strangers: s.strangers}
	for _, a := range s.agents {
		if a.instances != nil {
			c.Untracked += a.instances.Refused()
		}
	}
	return c
}

// expect makes an agent known. The first probe of a name decides what is known of it.
func (s *Store) expect(p Settings) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agents == nil {
		s.agents = map[string]*agent{}
	}
	if _, ok := s.agents[p.Name]; ok {
		return
	}
	a := &agent{sender: p.Sender}
	s.agents[p.Name] = a
	if a.sender.Service != "" {
		a.instances = boundedmap.New[uint64, *instance](p.MaxInstances, time.Duration(p.DeadAfter)*p.Interval)
		s.await(a)
	}
}

func (s *Store) life(name string) life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agents[name].life
}

// restore sets the life of an agent from which nothing has come yet.
func (s *Store) restore(name string, l life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[name]; !a.life.lived() {
		a.life = l
	}
}
