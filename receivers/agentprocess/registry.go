package agentprocess

import (
	"sync"

	"go.opentelemetry.io/collector/receiver"
)

// registry finds the instance that belongs to a configuration, from its creation
// for the first pipeline until its shutdown.
type registry struct {
	mu        sync.Mutex
	instances map[*Config]*agentProcess
}

func newRegistry() *registry { return &registry{instances: map[*Config]*agentProcess{}} }

func (r *registry) of(cfg *Config, set receiver.Settings) (*agentProcess, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.instances[cfg]; ok {
		return known, nil
	}
	created, err := newAgentProcess(cfg, set, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.instances, cfg)
	})
	if err != nil {
		return nil, err
	}
	r.instances[cfg] = created
	return created, nil
}
