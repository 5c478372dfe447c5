package proctable

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUptime(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0.00 0.00\n":      0,
		"1305.61 2500.1\n": 1305*time.Second + 610*time.Millisecond,
		"7.05":             7*time.Second + 50*time.Millisecond,
	} {
		got, err := parseUptime([]byte(in))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, in := range []string{"", "\n", "1", "1.", ".10", "1.1 2", "-1.00", "1.-1", "9999999999.00", "a.00"} {
		_, err := parseUptime([]byte(in))
		require.ErrorIs(t, err, errMalformed, "%q", in)
	}
}

func FuzzUptime(f *testing.F) {
	f.Add([]byte("1305.61 2500.11\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := parseUptime(b); err == nil {
			require.GreaterOrEqual(t, got, time.Duration(0))
		}
	})
}

func BenchmarkUptime(b *testing.B) {
	content := []byte("1305.61 2500.11\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseUptime(content); err != nil {
			b.Fatal(err)
		}
	}
}
