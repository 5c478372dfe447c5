package heartbeat

import (
	"encoding/json"
	"fmt"
	"time"
)

// maxSilence bounds what is believed of an earlier life.
const maxSilence = 10 * 365 * 24 * time.Hour

// state is what outlives a restart: how long the silence had lasted, not when it
// began. While nobody listens, an agent cannot be heard, and that is not its fault.
// Beaten and Silence are of calls; when none came, Silence is the time of listening.
type state struct {
	Beaten   bool          `json:"beaten"`
	Silence  time.Duration `json:"silence_ns"`
	Progress uint64        `json:"progress_hash,omitempty"`
	Same     int           `json:"same,omitempty"`

	// Listening is how long the probe has listened; an earlier version did not save it.
	Listening time.Duration `json:"listening_ns,omitempty"`
	// Absent is how long ago telemetry of a signal came, and Idle how long ago a span
	// ended; nil means never.
	Absent map[string]time.Duration `json:"absent_ns,omitempty"`
	Idle   *time.Duration           `json:"idle_ns,omitempty"`
}

// State implements check.Stateful.
func (p *Probe) State() ([]byte, error) {
	l, now := p.settings.Store.life(p.settings.Name), p.settings.Now()
	s := state{
		Beaten: !l.last[Call].IsZero(), Silence: p.since(l.last[Call], now),
		Progress: l.progress, Same: l.same, Listening: p.since(time.Time{}, now),
	}
	for _, sign := range Signs[1:] {
		if at := l.last[sign]; !at.IsZero() {
			if s.Absent == nil {
				s.Absent = map[string]time.Duration{}
			}
			s.Absent[sign.String()] = p.since(at, now)
		}
	}
	if !l.worked.IsZero() {
		idle := p.since(l.worked, now)
		s.Idle = &idle
	}
	return json.Marshal(s)
}

// Restore implements check.Stateful.
func (p *Probe) Restore(text []byte) error {
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("the state of a heartbeat is malformed: %w", err)
	}
	if err := s.validate(); err != nil {
		return err
	}
	now := p.settings.Now()
	l := life{progress: s.Progress, same: s.Same}
	listening := s.Listening
	if s.Beaten {
		l.last[Call] = now.Add(-s.Silence)
	} else {
		listening = max(listening, s.Silence)
	}
	p.start = now.Add(-listening)
	if p.settings.Sender.Service != "" {
		for _, sign := range Signs[1:] {
			if ago, ok := s.Absent[sign.String()]; ok {
				l.last[sign] = now.Add(-ago)
			}
		}
		if s.Idle != nil {
			l.worked = now.Add(-*s.Idle)
		}
	}
	p.settings.Store.restore(p.settings.Name, l)
	return nil
}

func (s state) validate() error {
	spans := []time.Duration{s.Silence, s.Listening}
	for _, ago := range s.Absent {
		spans = append(spans, ago)
	}
	if s.Idle != nil {
		spans = append(spans, *s.Idle)
	}
	for _, span := range spans {
		if span < 0 || span > maxSilence {
			return fmt.Errorf("the state of a heartbeat cannot be: something came %s ago", span)
		}
	}
	if s.Same < 0 {
		return fmt.Errorf("the state of a heartbeat cannot be: %d of one progress", s.Same)
	}
	return nil
}
