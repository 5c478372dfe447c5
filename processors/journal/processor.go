package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/watchkeeper/watchkeeper/processors/journal/internal/metadata"
)

// sweep is how often what is old is looked for.
const sweep = time.Second

// errFull is no permanent error: the sender is to try again.
var errFull = errors.New("the journal is full: max_bytes is reached")

// journal writes what it gets, passes it on, and forgets it cfg.Hold and slack later.
type journal struct {
	cfg       *Config
	set       processor.Settings
	next      consumer.Traces
	telemetry *metadata.TelemetryBuilder

	client  storage.Client
	stop    context.CancelFunc
	stopped chan struct{}
	ending  sync.Once

	mu   sync.Mutex // guards book, and that the storage is written in its order
	book book
}

func newProcessor(set processor.Settings, cfg *Config, next consumer.Traces) (*journal, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &journal{cfg: cfg, set: set, next: next, telemetry: telemetry, stopped: make(chan struct{})}, nil
}

// Capabilities tell that traces pass unchanged.
func (j *journal) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: false}
}

// Start passes on what is in the journal, which is at least all that
// came within cfg.Hold before the end of the process that wrote it. What is behind has been
// started by then, and nothing comes in before Start returns.
func (j *journal) Start(ctx context.Context, host component.Host) (err error) {
	extension, ok := host.GetExtensions()[*j.cfg.Storage].(storage.Extension)
	if !ok {
		return fmt.Errorf("storage: there is no storage extension %q", j.cfg.Storage)
	}
	if j.client, err = extension.GetClient(ctx, component.KindProcessor, j.set.ID, "traces"); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	if j.book, err = open(ctx, j.client); err != nil {
		return err
	}
	if err := j.replay(ctx); err != nil {
		return err
	}
	if err := j.telemetry.RegisterProcessorJournalKeptCallback(func(_ context.Context, o metric.Int64Observer) error {
		j.mu.Lock()
		defer j.mu.Unlock()
		o.Observe(j.book.bytes)
		return nil
	}); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.Background())
	j.stop = cancel
	go j.run(background)
	return nil
}

// replay passes on every page of the book, and keeps it as long again: it is
// in the memory of what is behind as if it had just come.
func (j *journal) replay(ctx context.Context) error {
	spans := 0
	for number := j.book.first; number < j.book.next; number++ {
		text, err := j.client.Get(ctx, pageKey(number))
		if err != nil {
			return fmt.Errorf("reading page %d of the journal: %w", number, err)
		}
		j.book.note(time.Now(), len(text))
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(text)
		if err != nil {
			j.set.Logger.Error("A page of the journal cannot be read and is left out", zap.Uint64("page", number), zap.Error(err))
			continue
		}
		if td.SpanCount() == 0 {
			continue
		}
		if err := j.next.ConsumeTraces(ctx, td); err != nil {
			return fmt.Errorf("passing on page %d of the journal: %w", number, err)
		}
		spans += td.SpanCount()
	}
	if spans > 0 {
		j.telemetry.ProcessorJournalReplayedSpans.Add(ctx, int64(spans))
		j.set.Logger.Info("Passed on again what the journal has", zap.Int("spans", spans))
	}
	return nil
}

// ConsumeTraces returns when td is in the storage and has been passed on.
func (j *journal) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	text, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return fmt.Errorf("writing traces to the journal: %w", err)
	}
	if err := j.write(ctx, text); err != nil {
		j.telemetry.ProcessorJournalRefusedSpans.Add(ctx, int64(td.SpanCount()))
		return fmt.Errorf("writing traces to the journal: %w", err)
	}
	return j.next.ConsumeTraces(ctx, td)
}

func (j *journal) write(ctx context.Context, text []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.book.bytes+int64(len(text)) > j.cfg.MaxBytes {
		return errFull
	}
	return j.book.write(ctx, j.client, time.Now(), text)
}

// run forgets what is old.
func (j *journal) run(ctx context.Context) {
	defer close(j.stopped)
	ticker := time.NewTicker(sweep)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			j.mu.Lock()
			err := j.book.forget(ctx, j.client, now.Add(-j.cfg.Hold-slack))
			j.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				j.set.Logger.Error("The journal cannot forget what is old", zap.Error(err))
			}
		}
	}
}

// Shutdown leaves the journal as it is: what is behind ends later, and may be
// killed before it has. It works twice, and without Start.
func (j *journal) Shutdown(ctx context.Context) (err error) {
	j.ending.Do(func() {
		if j.stop != nil {
			j.stop()
			<-j.stopped
		}
		j.telemetry.Shutdown()
		if j.client != nil {
			err = j.client.Close(ctx)
		}
	})
	return err
}
