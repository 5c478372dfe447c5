package proctable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBootTime(t *testing.T) {
	got, err := parseBootTime([]byte("cpu  1 2\nctxt 5\nbtime 1700000000\nprocesses 9\n"))
	require.NoError(t, err)
	require.Equal(t, time.Unix(1_700_000_000, 0), got)
	for _, in := range []string{"", "btime 1\n", "cpu\nbtime\n", "cpu\nbtime x\n", "cpu\nbtime -1\n", "cpu\nbtime 99999999999999\n"} {
		_, err := parseBootTime([]byte(in))
		require.ErrorIs(t, err, errMalformed, "%q", in)
	}
}

func FuzzBootTime(f *testing.F) {
	f.Add([]byte("cpu  1 2\nbtime 1700000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := parseBootTime(b); err == nil {
			require.GreaterOrEqual(t, got.Unix(), int64(0))
		}
	})
}

func BenchmarkBootTime(b *testing.B) {
	content := []byte("cpu  1 2\nctxt 5\nbtime 1700000000\nprocesses 9\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseBootTime(content); err != nil {
			b.Fatal(err)
		}
	}
}
