package check

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// A saved check is its magic, a checksum of the rest (CRC-32C, big endian), and the
// gob of a saved. The last byte of the magic is the version: a reader knows its own
// only.
var magic = []byte("wkcheck\x01")

// maxSaved bounds what is read back, in bytes.
const maxSaved = 8 << 20

var (
	// ErrCorrupt says that what was to be restored is not what was saved.
	ErrCorrupt = errors.New("the saved state is corrupt")
	// ErrOtherCheck says that what was saved belongs to a check of another type.
	ErrOtherCheck = errors.New("the saved state is that of a check of another type")
)

// saved is what outlives the process. Counters of runs do not: they start with it.
type saved struct {
	Type            string
	State, Previous State
	Reason          string
	ErrorType       ErrorType
	Condition       string
	Cause           string
	Failing, Better int

	Failures    uint64
	LastSuccess time.Time
	Runs        []kept
	Outages     []int64
	InOutage    bool
	LastAt      time.Time
	Account     []share

	Known, Failed bool
	All           tally
	Chain         chain
	Hour, Day     [][2]tally
	Weights       [opinions]float64

	Probe []byte
}

// Save returns what is known of a check in a form to keep across restarts. It holds
// the reason of the state, which never holds a credential, and no measurement. It
// is nil for a check that is not known or has had no verdict.
func (e *Engine) Save(name string) ([]byte, error) {
	r, ok := e.byName[name]
	if !ok {
		return nil, nil
	}
	r.book.Lock()
	s, judged := r.save(), r.standing.judged
	r.book.Unlock()
	if !judged {
		return nil, nil
	}
	var body bytes.Buffer
	body.Write(magic)
	body.Write(make([]byte, crc32.Size))
	if err := gob.NewEncoder(&body).Encode(s); err != nil {
		return nil, fmt.Errorf("check %q: saving: %w", name, err)
	}
	out := body.Bytes()
	content := out[len(magic)+crc32.Size:]
	binary.BigEndian.PutUint32(out[len(magic):], crc32.Checksum(content, castagnoli))
	return out, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Restore gives a check what Save returned in an earlier life. It must be called
// before Start. After ErrCorrupt or ErrOtherCheck the check starts anew; after
// another error only its probe does.
func (e *Engine) Restore(name string, state []byte) error {
	r, ok := e.byName[name]
	if !ok {
		return fmt.Errorf("check %q: there is no check of this name", name)
	}
	s, err := decode(state)
	if err != nil {
		return fmt.Errorf("check %q: %w", name, err)
	}
	if s.Type != r.check.Type {
		return fmt.Errorf("check %q: %w", name, ErrOtherCheck)
	}
	r.book.Lock()
	defer r.book.Unlock()
	r.restore(s)
	if probe, ok := r.check.Probe.(Stateful); ok && s.Probe != nil {
		if err := guarded(func() error { return probe.Restore(s.Probe) }); err != nil {
			r.probeState = nil
			return fmt.Errorf("check %q: the probe cannot use what it saved: %w", name, err)
		}
	}
	return nil
}

func decode(state []byte) (*saved, error) {
	head := len(magic) + crc32.Size
	if len(state) < head || len(state) > maxSaved || !bytes.Equal(state[:len(magic)], magic) ||
		binary.BigEndian.Uint32(state[len(magic):]) != crc32.Checksum(state[head:], castagnoli) {
		return nil, ErrCorrupt
	}
	s := new(saved)
	if err := gob.NewDecoder(bytes.NewReader(state[head:])).Decode(s); err != nil || s.State > Unhealthy || s.Previous > Unhealthy {
		return nil, ErrCorrupt
	}
	return s, nil
}

func (r *runner) save() *saved {
	h, f := &r.history, &r.history.forecaster
	return &saved{
		Type:  r.check.Type,
		State: r.standing.state, Previous: r.standing.previous,
		Reason: r.standing.reason, ErrorType: r.standing.errorType, Cause: r.standing.cause,
		Condition: r.standing.condition,
		Failing:   r.standing.failing, Better: r.standing.better,
		Failures: h.failures, LastSuccess: h.lastSuccess,
		Runs: h.runsKept.list(), Outages: h.outages.list(), InOutage: h.failing,
		LastAt: h.uptime.last, Account: append([]share(nil), h.uptime.account...),
		Known: f.known, Failed: f.failing, All: f.all, Chain: f.chain,
		Hour: append([][2]tally(nil), f.hour.Parts...), Day: append([][2]tally(nil), f.day.Parts...),
		Weights: f.weights,
		Probe:   r.probeState,
	}
}

func (r *runner) restore(s *saved) {
	r.standing.judged = true
	r.standing.state, r.standing.previous = s.State, s.Previous
	r.standing.reason, r.standing.errorType, r.standing.cause = s.Reason, s.ErrorType, s.Cause
	r.standing.condition = s.Condition
	r.standing.failing, r.standing.better = s.Failing, s.Better
	h, f := &r.history, &r.history.forecaster
	h.failures, h.lastSuccess, h.failing = s.Failures, s.LastSuccess, s.InOutage
	h.runsKept.fill(s.Runs)
	h.outages.fill(s.Outages)
	if len(s.Runs) > 0 {
		h.uptime.last, h.uptime.state = s.LastAt, s.Runs[len(s.Runs)-1].State
	}
	if len(s.Account) == slices24h {
		h.uptime.account = s.Account
	}
	if len(s.Hour) == len(f.hour.Parts) && len(s.Day) == len(f.day.Parts) {
		f.known, f.failing, f.all, f.chain, f.weights = s.Known, s.Failed, s.All, s.Chain, s.Weights
		f.hour.Parts, f.day.Parts = s.Hour, s.Day
		if f.known {
			f.predict(s.LastAt)
		}
	}
	r.probeState = s.Probe
}

// saveProbe asks a probe that is not under way what it wants to keep.
func (r *runner) saveProbe() {
	probe, ok := r.check.Probe.(Stateful)
	if !ok || r.stillStuck() != nil {
		return
	}
	var state []byte
	if err := guarded(func() (err error) { state, err = probe.State(); return err }); err != nil {
		return // what was kept before is kept
	}
	r.book.Lock()
	defer r.book.Unlock()
	r.probeState = state
}

// guarded calls f and makes an error of a panic.
func guarded(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return f()
}
