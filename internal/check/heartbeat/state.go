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
type state struct {
	Beaten   bool          `json:"beaten"`
	Silence  time.Duration `json:"silence_ns"`
	Progress uint64        `json:"progress_hash,omitempty"`
	Same     int           `json:"same,omitempty"`
}

// State implements check.Stateful.
func (p *Probe) State() ([]byte, error) {
	l, now := p.settings.Store.life(p.settings.Name), p.settings.Now()
	since := p.start
	if l.beaten() {
		since = l.last
	}
	return json.Marshal(state{Beaten: l.beaten(), Silence: max(now.Sub(since), 0), Progress: l.progress, Same: l.same})
}

// Restore implements check.Stateful.
func (p *Probe) Restore(text []byte) error {
	var s state
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("the state of a heartbeat is malformed: %w", err)
	}
	if s.Silence < 0 || s.Silence > maxSilence || s.Same < 0 {
		return fmt.Errorf("the state of a heartbeat cannot be: silent for %s, %d of one progress", s.Silence, s.Same)
	}
	began := p.settings.Now().Add(-s.Silence)
	if !s.Beaten {
		p.start = began
		return nil
	}
	p.settings.Store.restore(p.settings.Name, life{last: began, progress: s.Progress, same: s.Same})
	return nil
}
