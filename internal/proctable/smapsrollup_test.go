package proctable

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const smapsRollup = `557c98d94000-7ffc0106a000 ---p 00000000 00:00 0                          [rollup]
Rss:                1692 kB
Pss:                 380 kB
Pss_Dirty:           112 kB
Pss_Anon:            112 kB
Shared_Clean:       1476 kB
Swap:                900 kB
SwapPss:              20 kB
Locked:                0 kB
`

func TestPSSIsReadInBytes(t *testing.T) {
	pss, err := parsePSS([]byte(smapsRollup))
	require.NoError(t, err)
	require.Equal(t, int64(400*1024), pss)
	old, _, _ := strings.Cut(smapsRollup, "Swap:")
	pss, err = parsePSS([]byte(old))
	require.NoError(t, err)
	require.Equal(t, int64(380*1024), pss)
}

func TestMalformedSmapsRollup(t *testing.T) {
	for _, s := range []string{
		"", "\nPss", "\nPss:", "\nPss: kB", "\nPss: 1 MB\n", "\nPss: -1 kB\n", "\nPss: 99999999999999999 kB\n", "Rss: 1 kB\nPss_Anon: 2 kB\n",
		"Pss: 1 kB\n", "\nPss: 1 kB\nSwapPss: x kB\n",
	} {
		_, err := parsePSS([]byte(s))
		require.ErrorIs(t, err, errMalformed, "%q", s)
	}
}

func FuzzPSS(f *testing.F) {
	f.Add([]byte(smapsRollup))
	f.Add([]byte("head\nPss:\t1 kB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if pss, err := parsePSS(b); err == nil {
			require.GreaterOrEqual(t, pss, int64(0))
			require.Zero(t, pss%1024)
		}
	})
}

func BenchmarkPSS(b *testing.B) {
	content := []byte(smapsRollup)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parsePSS(content); err != nil {
			b.Fatal(err)
		}
	}
}
