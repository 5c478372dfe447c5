package heartbeat

import (
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// Store keeps the last heartbeat of each agent that a probe was made for, and of
// no other: strangers cannot fill it. Its methods may be called concurrently. The
// zero Store is ready for use.
type Store struct {
	mu     sync.Mutex
	agents map[string]life
}

// life is what the heartbeats of an agent have told.
type life struct {
	// last is when the last one came, zero if none did.
	last time.Time
	// progress is a hash of what the last one told of progress, and same how many in
	// a row have told it, zero if it told nothing.
	progress uint64
	same     int
}

func (l life) beaten() bool { return !l.last.IsZero() }

// Beat records that the agent gave a sign of life at now, and how far its work has
// come: any text of up to MaxProgress bytes that changes when the work gets on.
// Progress is empty when the agent has nothing to do or does not tell. Beat is
// false, and records nothing, when no probe has the name or progress is too long.
func (s *Store) Beat(name, progress string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.agents[name]
	if !ok || len(progress) > MaxProgress {
		return false
	}
	if now.After(l.last) {
		l.last = now
	}
	hash := xxhash.Sum64String(progress)
	switch {
	case progress == "":
		l.progress, l.same = 0, 0
	case l.same > 0 && l.progress == hash:
		l.same++
	default:
		l.progress, l.same = hash, 1
	}
	s.agents[name] = l
	return true
}

func (s *Store) expect(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agents == nil {
		s.agents = map[string]life{}
	}
	if _, ok := s.agents[name]; !ok {
		s.agents[name] = life{}
	}
}

func (s *Store) life(name string) life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agents[name]
}

// restore sets the life of an agent from which nothing has come yet.
func (s *Store) restore(name string, l life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.agents[name].beaten() {
		s.agents[name] = l
	}
}
