package workflow

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// registry finds the engine of a configuration. The Collector makes one component
// for each output of a connector, all from one configuration, before it starts any.
type registry struct {
	mu      sync.Mutex
	engines map[*Config]*engine
}

// output makes the component of one output and connects it with the engine.
func (r *registry) output(set connector.Settings, cfg *Config, connect func(*engine)) (connector.Traces, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.engines[cfg]
	if e == nil {
		var err error
		if e, err = newEngine(set, cfg); err != nil {
			return nil, err
		}
		if r.engines == nil {
			r.engines = make(map[*Config]*engine)
		}
		r.engines[cfg] = e
	}
	o := &output{engine: e, forget: func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.engines[cfg] == e {
			delete(r.engines, cfg)
		}
	}}
	connect(e)
	// Each output is given every span. One of them works for all: the one that passes
	// spans on, because only it may change them, else the first.
	if e.traces != nil && e.worker != nil && !e.worker.passes {
		e.worker = nil
	}
	o.passes = e.traces != nil && e.worker == nil
	if e.worker == nil {
		e.worker = o
	}
	return o, nil
}

// output is the component of one output.
type output struct {
	engine *engine
	passes bool // it is the one that passes spans on
	forget func()
	once   sync.Once
}

// Capabilities tells the truth: only the output to traces changes them.
func (o *output) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: o.passes}
}

// Start starts the engine, once.
func (o *output) Start(ctx context.Context, host component.Host) error {
	return o.engine.start(ctx, host)
}

// Shutdown ends the engine, which sends what there is left to every output: the
// Collector ends all that sends to a connector before it, and all that it sends to
// after it.
func (o *output) Shutdown(ctx context.Context) error {
	o.once.Do(o.forget)
	return o.engine.shutdown(ctx)
}

// ConsumeTraces works for every output of the engine, or does nothing.
func (o *output) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	if o.engine.worker != o {
		return nil
	}
	o.engine.consume(td)
	if o.passes {
		return o.engine.traces.ConsumeTraces(ctx, td)
	}
	return nil
}
