package boundedmap

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var start = time.Unix(1_000_000, 0)

func at(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }

func constant(v int) func() int { return func() int { return v } }

func keys(m *Map[string, int]) []string {
	var out []string
	for k := range m.All() {
		out = append(out, k)
	}
	return out
}

func TestFullMapRefusesNewcomersAndKeepsWhatItKnows(t *testing.T) {
	m := New[string, int](2, time.Minute)
	m.GetOrCreate(at(0), "a", constant(1))
	m.GetOrCreate(at(1), "b", constant(2))

	_, ok := m.GetOrCreate(at(2), "c", func() int { t.Fatal("created past the capacity"); return 0 })
	require.False(t, ok)
	v, ok := m.GetOrCreate(at(3), "a", constant(99))
	require.True(t, ok)
	require.Equal(t, 1, v)
	require.Equal(t, uint64(1), m.Refused())
	require.Equal(t, 2, m.Len())
}

func TestNewcomerTakesThePlaceOfAnIdleEntry(t *testing.T) {
	m := New[string, int](2, time.Minute)
	m.GetOrCreate(at(0), "a", constant(1))
	m.GetOrCreate(at(50), "b", constant(2))

	v, ok := m.GetOrCreate(at(60), "c", constant(3))
	require.True(t, ok)
	require.Equal(t, 3, v)
	require.Equal(t, []string{"b", "c"}, keys(m))
	require.Zero(t, m.Refused())
	require.Equal(t, uint64(1), m.Expired())
}

func TestUseKeepsAnEntryAliveAndGetDoesNot(t *testing.T) {
	m := New[string, int](10, time.Minute)
	m.GetOrCreate(at(0), "used", constant(1))
	m.GetOrCreate(at(0), "looked at", constant(2))
	m.GetOrCreate(at(30), "used", constant(1))
	m.Get("looked at")

	require.Equal(t, 1, m.Expire(at(60)))
	require.Equal(t, []string{"used"}, keys(m))
	require.Equal(t, 1, m.Expire(at(90)))
	require.Zero(t, m.Len())
}

func TestZeroTTLNeverExpires(t *testing.T) {
	m := New[string, int](1, 0)
	m.GetOrCreate(at(0), "a", constant(1))
	require.Zero(t, m.Expire(at(1<<30)))
	_, ok := m.GetOrCreate(at(1<<30), "b", constant(2))
	require.False(t, ok)
}

func TestTheYieldedEntryMayBeDeleted(t *testing.T) {
	m := New[string, int](3, 0)
	for i, k := range []string{"a", "b", "c"} {
		m.GetOrCreate(at(i), k, constant(i))
	}
	for k := range m.All() {
		require.True(t, m.Delete(k))
	}
	require.Zero(t, m.Len())
	require.False(t, m.Delete("a"))
}

func TestListAndIndexAgreeAfterAnyOperations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := New[int, int](16, 10*time.Second)
	for i := range 20_000 {
		now := at(i / 4)
		switch k := r.IntN(40); r.IntN(4) {
		case 0:
			m.Delete(k)
		case 1:
			m.Expire(now)
		default:
			m.GetOrCreate(now, k, constant(k))
		}
		n := 0
		for k, v := range m.All() {
			require.Equal(t, k, v)
			got, ok := m.Get(k)
			require.True(t, ok)
			require.Equal(t, v, got)
			n++
		}
		require.Equal(t, m.Len(), n)
		require.LessOrEqual(t, n, 16)
	}
}

func BenchmarkGetOrCreateKnown(b *testing.B) {
	m := New[uint64, int](100_000, time.Hour)
	for k := range uint64(100_000) {
		m.GetOrCreate(start, k, constant(1))
	}
	b.ReportAllocs()
	k := uint64(0)
	for b.Loop() {
		m.GetOrCreate(start, k%100_000, nil)
		k += 7919
	}
}
