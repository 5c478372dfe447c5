package agenthealth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

const (
	// A check whose state has changed is saved at once, but all such checks together
	// no more often than every saveGap; the others every saveEvery.
	saveGap   = 5 * time.Second
	saveEvery = time.Minute
	// saveBatch is how many checks are written in one transaction.
	saveBatch = 100

	keyIndex  = "checks" // a JSON list of the names of saved checks
	keyCheck  = "check/"
	keyBroken = "corrupt/"
)

// memory keeps what the engine knows in a storage extension.
type memory struct {
	receiver *agentHealth
	client   storage.Client

	mu     sync.Mutex
	urgent map[string]struct{}
	wake   chan struct{}

	// saved holds when the last saved run of each check was. It is used by one
	// goroutine at a time.
	saved map[string]time.Time
}

// remember opens the storage and gives the engine what is there. It is nil when
// the configuration has no storage. What cannot be read is logged, and no reason
// not to start.
func remember(ctx context.Context, r *agentHealth, host component.Host) (*memory, error) {
	if r.cfg.Storage == nil {
		return nil, nil
	}
	extension, ok := host.GetExtensions()[*r.cfg.Storage]
	if !ok {
		return nil, fmt.Errorf("storage: there is no extension %q", r.cfg.Storage)
	}
	store, ok := extension.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: the extension %q stores nothing", r.cfg.Storage)
	}
	client, err := store.GetClient(ctx, component.KindReceiver, r.set.ID, "")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	m := &memory{
		receiver: r, client: client,
		urgent: map[string]struct{}{}, wake: make(chan struct{}, 1), saved: map[string]time.Time{},
	}
	names := make([]string, 0, len(r.engine.Snapshots()))
	for _, s := range r.engine.Snapshots() {
		names = append(names, s.Name)
		m.restore(ctx, s.Name)
	}
	m.forget(ctx, names)
	return m, nil
}

func (m *memory) restore(ctx context.Context, name string) {
	logger := m.receiver.set.Logger.With(zap.String("check", name))
	state, err := m.client.Get(ctx, keyCheck+name)
	if err != nil {
		logger.Error("The saved state cannot be read; the check starts anew", zap.Error(err))
		return
	}
	if state == nil {
		return
	}
	switch err := m.receiver.engine.Restore(name, state); {
	case err == nil:
	case errors.Is(err, check.ErrOtherCheck):
		logger.Info("The check is of another type than before, and starts anew")
	case errors.Is(err, check.ErrCorrupt):
		logger.Warn("The saved state is corrupt; it is set aside, and the check starts anew", zap.String("key", keyBroken+name))
		m.write(ctx, storage.SetOperation(keyBroken+name, state), storage.DeleteOperation(keyCheck+name))
	default:
		logger.Warn("The probe starts anew", zap.Error(err))
	}
}

// forget deletes what belongs to checks that are no longer there.
func (m *memory) forget(ctx context.Context, names []string) {
	slices.Sort(names)
	var before []string
	if text, err := m.client.Get(ctx, keyIndex); err == nil && text != nil {
		_ = json.Unmarshal(text, &before) // an index that is no list is made anew
	}
	if slices.Equal(before, names) {
		return
	}
	var gone []*storage.Operation
	for _, name := range before {
		if _, ok := slices.BinarySearch(names, name); !ok {
			gone = append(gone, storage.DeleteOperation(keyCheck+name), storage.DeleteOperation(keyBroken+name))
		}
	}
	index, err := json.Marshal(names)
	if err != nil {
		m.receiver.set.Logger.Error("The index of saved checks cannot be written", zap.Error(err))
		return
	}
	m.write(ctx, append(gone, storage.SetOperation(keyIndex, index))...)
}

// note has a check saved soon. It does not block.
func (m *memory) note(name string) {
	m.mu.Lock()
	m.urgent[name] = struct{}{}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// keep saves until ctx is done.
func (m *memory) keep(ctx context.Context) {
	regular := time.NewTicker(saveEvery)
	defer regular.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-regular.C:
			m.save(ctx, m.stale())
			continue
		case <-m.wake:
		}
		m.mu.Lock()
		names := make([]string, 0, len(m.urgent))
		for name := range m.urgent {
			names = append(names, name)
		}
		clear(m.urgent)
		m.mu.Unlock()
		slices.Sort(names)
		m.save(ctx, names)
		gap := time.NewTimer(saveGap)
		select {
		case <-ctx.Done():
			gap.Stop()
			return
		case <-gap.C:
		}
	}
}

// stale returns the checks that have run since they were saved.
func (m *memory) stale() []string {
	var names []string
	for _, s := range m.receiver.engine.Snapshots() {
		if s.LastRun.After(m.saved[s.Name]) {
			m.saved[s.Name] = s.LastRun
			names = append(names, s.Name)
		}
	}
	return names
}

func (m *memory) save(ctx context.Context, names []string) {
	for batch := range slices.Chunk(names, saveBatch) {
		var writes []*storage.Operation
		for _, name := range batch {
			state, err := m.receiver.engine.Save(name)
			if err != nil {
				m.receiver.set.Logger.Error("A state cannot be saved", zap.Error(err))
				continue
			}
			if state != nil {
				writes = append(writes, storage.SetOperation(keyCheck+name, state))
			}
		}
		m.write(ctx, writes...)
	}
}

func (m *memory) write(ctx context.Context, operations ...*storage.Operation) {
	if len(operations) == 0 {
		return
	}
	if err := m.client.Batch(ctx, operations...); err != nil {
		m.receiver.telemetry.ReceiverAgentHealthFailedSaves.Add(ctx, int64(len(operations)))
		m.receiver.set.Logger.Error("The storage does not take the states of checks", zap.Error(err))
	}
}

// close saves everything that has changed and closes the storage. It comes after
// keep has returned. A nil memory has nothing to close.
func (m *memory) close(ctx context.Context) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	names := m.stale()
	for name := range m.urgent {
		names = append(names, name)
	}
	m.mu.Unlock()
	slices.Sort(names)
	m.save(ctx, slices.Compact(names))
	return m.client.Close(ctx)
}
