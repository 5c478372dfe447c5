package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/watchkeeper/watchkeeper/processors/journal/internal/metadata"
)

// shelf is a storage extension, and its client, in memory. What is on it outlives
// the processors.
type shelf struct {
	component.StartFunc
	component.ShutdownFunc
	mu     sync.Mutex
	values map[string][]byte
	fails  error
}

func (s *shelf) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return s, nil
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[key], s.fails
}

func (s *shelf) Set(ctx context.Context, key string, value []byte) error {
	return s.Batch(ctx, storage.SetOperation(key, value))
}

func (s *shelf) Delete(ctx context.Context, key string) error {
	return s.Batch(ctx, storage.DeleteOperation(key))
}

func (s *shelf) Batch(_ context.Context, operations ...*storage.Operation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	for _, o := range operations {
		if o.Type == storage.Delete {
			delete(s.values, o.Key)
		} else {
			s.values[o.Key] = o.Value
		}
	}
	return nil
}

func (s *shelf) Close(context.Context) error { return nil }

// crash returns what a process that starts after a kill finds.
func (s *shelf) crash() *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &shelf{values: maps.Clone(s.values)}
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

var shelfID = component.MustNewID("shelf")

// start returns a processor on a shelf, what it passes on, and its log.
func start(t *testing.T, on *shelf, maxBytes int64) (*journal, *consumertest.TracesSink, *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zap.InfoLevel)
	set := processortest.NewNopSettings(metadata.Type)
	set.Logger = zap.New(core)
	sink := new(consumertest.TracesSink)
	j, err := newProcessor(set, &Config{Storage: &shelfID, Hold: time.Minute, MaxBytes: maxBytes}, sink)
	require.NoError(t, err)
	require.NoError(t, j.Start(t.Context(), host{shelfID: on}))
	t.Cleanup(func() { require.NoError(t, j.Shutdown(context.Background())) })
	return j, sink, logged
}

func numbered(number int) ptrace.Traces {
	td := ptrace.NewTraces()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName(fmt.Sprint(number))
	return td
}

func names(sink *consumertest.TracesSink) (found []string) {
	for _, td := range sink.AllTraces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					found = append(found, span.Name())
				}
			}
		}
	}
	return found
}

func newShelf() *shelf { return &shelf{values: make(map[string][]byte)} }

func TestWhatWasPassedOnIsPassedOnAgainAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := newShelf()
		j, sink, _ := start(t, on, 1<<20)
		for number := range 3 {
			require.NoError(t, j.ConsumeTraces(t.Context(), numbered(number)))
		}
		require.Equal(t, []string{"0", "1", "2"}, names(sink))

		after := on.crash()
		again, sink, logged := start(t, after, 1<<20)
		require.Equal(t, []string{"0", "1", "2"}, names(sink))
		require.Equal(t, int64(3), logged.All()[0].ContextMap()["spans"])
		require.NoError(t, again.ConsumeTraces(t.Context(), numbered(3)))

		_, sink, _ = start(t, after.crash(), 1<<20)
		require.Equal(t, []string{"0", "1", "2", "3"}, names(sink), "two crashes in a row lose nothing")
	})
}

func TestWhatIsOldIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := newShelf()
		j, _, _ := start(t, on, 1<<20)
		for number := range forgetAtOnce + 10 {
			require.NoError(t, j.ConsumeTraces(t.Context(), numbered(number)))
		}
		time.Sleep(time.Minute)
		require.NoError(t, j.ConsumeTraces(t.Context(), numbered(-1)))
		synctest.Wait()
		require.Len(t, on.crash().values, forgetAtOnce+12, "the pages and the bounds")

		time.Sleep(slack + 2*sweep)
		synctest.Wait()
		require.Len(t, on.crash().values, 2)
		_, sink, _ := start(t, on.crash(), 1<<20)
		require.Equal(t, []string{"-1"}, names(sink))

		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, on.crash().values, 1)
		require.Zero(t, j.book.bytes)
	})
}

func TestAFullJournalRefusesUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := newShelf()
		text, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(numbered(1))
		require.NoError(t, err)
		j, sink, _ := start(t, on, int64(2*len(text)))
		require.NoError(t, j.ConsumeTraces(t.Context(), numbered(1)))
		require.NoError(t, j.ConsumeTraces(t.Context(), numbered(2)))
		err = j.ConsumeTraces(t.Context(), numbered(3))
		require.ErrorIs(t, err, errFull)
		require.False(t, consumererror.IsPermanent(err), "the sender is to try again")
		require.Equal(t, []string{"1", "2"}, names(sink), "what is not written is not passed on")

		time.Sleep(time.Minute + slack + 2*sweep)
		synctest.Wait()
		require.NoError(t, j.ConsumeTraces(t.Context(), numbered(3)))
	})
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	on := newShelf()
	j, sink, _ := start(t, on, 1<<20)
	on.fails = errors.New("no space left on device")
	require.EqualError(t, j.ConsumeTraces(t.Context(), numbered(1)), "writing traces to the journal: no space left on device")
	on.fails = nil
	require.NoError(t, j.ConsumeTraces(t.Context(), numbered(2)))
	require.Equal(t, []string{"2"}, names(sink))
	require.NoError(t, j.Shutdown(t.Context()))
	again, sink, _ := start(t, on, 1<<20)
	require.Equal(t, []string{"2"}, names(sink), "an orderly end leaves the journal")
	require.NoError(t, again.Shutdown(t.Context()))
	require.NoError(t, again.Shutdown(t.Context()))
}

func TestABrokenPageIsLeftOut(t *testing.T) {
	on := newShelf()
	j, _, _ := start(t, on, 1<<20)
	for number := range 3 {
		require.NoError(t, j.ConsumeTraces(t.Context(), numbered(number)))
	}
	require.NoError(t, j.Shutdown(t.Context()))
	on.values[pageKey(0)] = []byte("\xffnot OTLP")
	delete(on.values, pageKey(1))
	again, sink, logged := start(t, on, 1<<20)
	require.Equal(t, []string{"2"}, names(sink))
	require.Len(t, logged.FilterLevelExact(zap.ErrorLevel).All(), 1)
	require.NoError(t, again.Shutdown(t.Context()))
}

func TestBoundsThatMakeNoSenseAreAnError(t *testing.T) {
	for text, want := range map[string]string{
		"short": "reading the bounds of the journal: 5 bytes are not 16",
		"\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01": "reading the bounds of the journal: the first page, 2, is after the last, 1",
	} {
		_, err := open(t.Context(), &shelf{values: map[string][]byte{keyBounds: []byte(text)}})
		require.EqualError(t, err, want)
	}
}

func TestTheStorageMustBeThere(t *testing.T) {
	j, err := newProcessor(processortest.NewNopSettings(metadata.Type), &Config{Storage: &shelfID, Hold: time.Minute, MaxBytes: 1}, consumertest.NewNop())
	require.NoError(t, err)
	require.EqualError(t, j.Start(t.Context(), host{}), `storage: there is no storage extension "shelf"`)
	require.NoError(t, j.Shutdown(t.Context()))
}

func BenchmarkConsume(b *testing.B) {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range 50 {
		span := spans.AppendEmpty()
		span.SetName(fmt.Sprint("span ", i))
		span.Attributes().PutStr("gen_ai.operation.name", "execute_tool")
	}
	j, err := newProcessor(processortest.NewNopSettings(metadata.Type), &Config{Storage: &shelfID, Hold: time.Minute, MaxBytes: 1 << 50}, consumertest.NewNop())
	require.NoError(b, err)
	j.client = storage.NewNopClient()
	b.ReportAllocs()
	for b.Loop() {
		if err := j.ConsumeTraces(b.Context(), td); err != nil {
			b.Fatal(err)
		}
	}
}
