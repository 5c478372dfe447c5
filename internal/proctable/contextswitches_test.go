package proctable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const statusFile = "Name:\tnode\nState:\tS (sleeping)\nThreads:\t11\nvoluntary_ctxt_switches:\t150\nnonvoluntary_ctxt_switches:\t545\n"

func TestContextSwitches(t *testing.T) {
	n, err := parseContextSwitches([]byte(statusFile))
	require.NoError(t, err)
	require.Equal(t, switches{150, 545}, n)
	// The kernel writes a line break in a name as \n, so no name can pass for a line.
	n, err = parseContextSwitches([]byte("Name:\ta\\nvoluntary_ctxt_switches:\t9\n" + statusFile))
	require.NoError(t, err)
	require.Equal(t, switches{150, 545}, n)
	for _, s := range []string{"", "\nvoluntary_ctxt_switches:\t1\n", "\nvoluntary_ctxt_switches:\tx\nnonvoluntary_ctxt_switches:\t2\n"} {
		_, err := parseContextSwitches([]byte(s))
		require.ErrorIs(t, err, errMalformed, "%q", s)
	}
}

func FuzzContextSwitches(f *testing.F) {
	f.Add([]byte(statusFile))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := parseContextSwitches(b); err != nil {
			require.Zero(t, n)
		}
	})
}
