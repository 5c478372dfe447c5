package agenthealth

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth/internal/metadatatest"
)

// shelf is a storage extension, and its client, in memory.
type shelf struct {
	component.StartFunc
	component.ShutdownFunc
	mu     sync.Mutex
	values map[string][]byte
	writes []time.Time
	closed int
	fails  error
}

func newShelf() *shelf { return &shelf{values: map[string][]byte{}} }

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
	s.writes = append(s.writes, time.Now())
	for _, o := range operations {
		if o.Type == storage.Delete {
			delete(s.values, o.Key)
		} else {
			s.values[o.Key] = o.Value
		}
	}
	return nil
}

func (s *shelf) Close(context.Context) error {
	s.closed++
	return nil
}

func (s *shelf) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, key := range []string{"checks", "check/db", "check/cache", "corrupt/db"} {
		if _, ok := s.values[key]; ok {
			out = append(out, key)
		}
	}
	return out
}

// hostWith is a host with one extension.
type hostWith map[component.ID]component.Component

func (h hostWith) GetExtensions() map[component.ID]component.Component { return h }

var shelfID = component.MustNewID("shelf")

// stored returns a receiver that keeps its memory in the extension, started, and
// what stops it.
func stored(t *testing.T, extension component.Component, checks ...check.Check) (*agentHealth, *logsSink, *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zap.InfoLevel)
	set := settings()
	set.ID = component.NewID(set.ID.Type()) // not a new one every time
	set.Logger = zap.New(core)
	r := withChecks(t, set, checks...)
	r.cfg.Storage = &shelfID
	sink := &logsSink{}
	r.logs = sink
	require.NoError(t, r.Start(t.Context(), hostWith{shelfID: extension}))
	return r, sink, logged
}

func TestARestartInTheMiddleOfAnOutageTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		r, sink, _ := stored(t, s, fake("db", answering(healthy, refused)))
		until(time.Minute)
		require.Len(t, sink.bodies(), 2)
		failures := r.engine.Snapshots()[0].ConsecutiveFailures
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, 1, s.closed)
		require.Equal(t, []string{"checks", "check/db"}, s.keys())
		require.NotContains(t, string(s.values["check/db"]), "secret")

		r, sink, logged := stored(t, s, fake("db", answering(refused, refused, refused, healthy)))
		until(20 * time.Second)
		require.Empty(t, sink.bodies())
		require.Greater(t, r.engine.Snapshots()[0].ConsecutiveFailures, failures)
		until(time.Minute)
		require.Equal(t, []string{`Check "db" went from unhealthy to healthy.`}, sink.bodies())
		require.NoError(t, r.Shutdown(t.Context()))
		require.Zero(t, logged.Len())
	})
}

func TestTheFileStorageOfTheCollectorKeepsStates(t *testing.T) {
	dir := t.TempDir()
	open := func() component.Component {
		factory := filestorage.NewFactory()
		cfg := factory.CreateDefaultConfig().(*filestorage.Config)
		cfg.Directory = dir
		e, err := factory.Create(t.Context(), extensiontest.NewNopSettings(factory.Type()), cfg)
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
		return e
	}
	live := func(state check.State) {
		e := open()
		c := fake("db", answering(refused))
		c.Interval = time.Hour
		r, sink, logged := stored(t, e, c)
		require.Zero(t, logged.Len(), logged.All())
		require.Equal(t, state, r.engine.Snapshots()[0].State)
		require.Eventually(t, func() bool { return !r.engine.Snapshots()[0].LastRun.IsZero() }, 10*time.Second, time.Millisecond)
		require.NoError(t, r.Shutdown(t.Context()))
		require.NoError(t, e.Shutdown(t.Context()))
		require.Len(t, sink.bodies(), map[check.State]int{check.Unknown: 1, check.Unhealthy: 0}[state])
	}
	live(check.Unknown)
	live(check.Unhealthy)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestACorruptStateIsSetAsideWithOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		s.values["check/db"] = []byte("nonsense")
		r, sink, logged := stored(t, s, fake("db", answering(healthy)))
		until(time.Second)
		require.Equal(t, []string{`Check "db" is healthy.`}, sink.bodies())
		require.Equal(t, 1, logged.Len())
		require.Equal(t, "The saved state is corrupt; it is set aside, and the check starts anew", logged.All()[0].Message)
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, []byte("nonsense"), s.values["corrupt/db"])
		require.NotEqual(t, []byte("nonsense"), s.values["check/db"])
	})
}

func TestACheckOfAnotherTypeStartsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		r, _, _ := stored(t, s, fake("db", answering(refused)))
		until(time.Second)
		require.NoError(t, r.Shutdown(t.Context()))
		c := fake("db", answering(healthy))
		c.Type = "tcp"
		r, sink, logged := stored(t, s, c)
		until(time.Second)
		require.Equal(t, []string{`Check "db" is healthy.`}, sink.bodies())
		require.Equal(t, 1, logged.Len())
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

func TestWhatBelongsToRemovedChecksIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		r, _, _ := stored(t, s, fake("db", answering(healthy)), fake("cache", answering(healthy)))
		until(time.Second)
		require.NoError(t, r.Shutdown(t.Context()))
		require.Equal(t, []string{"checks", "check/db", "check/cache"}, s.keys())
		r, _, _ = stored(t, s, fake("cache", answering(healthy)))
		require.Equal(t, []string{"checks", "check/cache"}, s.keys())
		require.NoError(t, r.Shutdown(t.Context()))
	})
}

func TestChangesAreSavedSoonAndNotTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		flapper := func() check.Probe {
			var all []check.Result
			for range 100 {
				all = append(all, healthy, refused)
			}
			return answering(all...)
		}
		var checks []check.Check
		for _, name := range []string{"db", "cache", "bus", "web"} {
			c := fake(name, flapper())
			c.Interval = time.Second
			checks = append(checks, c)
		}
		began := time.Now()
		r, _, _ := stored(t, s, checks...)
		until(saveGap + time.Second)
		require.Contains(t, s.keys(), "check/db")
		until(time.Minute)
		require.NoError(t, r.Shutdown(t.Context()))
		require.LessOrEqual(t, len(s.writes), 17, "the index, one every five seconds, one every minute, and the last")
		require.Less(t, s.writes[1].Sub(began), time.Second)
	})
}

func TestAQuietCheckIsSavedEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		r, _, _ := stored(t, s, fake("db", answering(healthy)))
		until(10*time.Minute + time.Second)
		require.NoError(t, r.Shutdown(t.Context()))
		require.Len(t, s.writes, 12, "the index, the first verdict, and ten minutes; nothing is new at the end")
	})
}

func TestAStorageThatFailsStopsNoCheck(t *testing.T) {
	tel := componenttest.NewTelemetry()
	synctest.Test(t, func(t *testing.T) {
		set := settings()
		set.TelemetrySettings = tel.NewTelemetrySettings()
		s := newShelf()
		s.fails = errors.New("disk full")
		r := withChecks(t, set, fake("db", answering(healthy)))
		r.cfg.Storage = &shelfID
		require.NoError(t, r.Start(t.Context(), hostWith{shelfID: s}))
		until(30 * time.Second)
		require.Equal(t, check.Healthy, r.engine.Snapshots()[0].State)
		require.NoError(t, r.Shutdown(t.Context()))
		metadatatest.AssertEqualReceiverAgentHealthFailedSaves(t, tel, []metricdata.DataPoint[int64]{{Value: 3}}, metricdatatest.IgnoreTimestamp())
	})
	require.NoError(t, tel.Shutdown(context.Background()))
}

func TestTheStorageMustBeOne(t *testing.T) {
	for want, host := range map[string]hostWith{
		`storage: there is no extension "shelf"`:        {},
		`storage: the extension "shelf" stores nothing`: {shelfID: nothing{}},
	} {
		r := withChecks(t, settings(), fake("db", answering(healthy)))
		r.cfg.Storage = &shelfID
		err := r.Start(t.Context(), host)
		require.EqualError(t, err, strings.TrimSpace(want))
		require.NoError(t, r.Shutdown(t.Context()))
	}
}

type nothing struct {
	component.StartFunc
	component.ShutdownFunc
}
