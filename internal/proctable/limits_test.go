package proctable

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

const limitsFile = "Limit                     Soft Limit           Hard Limit           Units     \n" +
	"Max processes             96365                96365                processes \n" +
	"Max open files            1024                 524288               files     \n"

func TestOpenFilesLimitIsTheSoftOne(t *testing.T) {
	limit, err := parseOpenFilesLimit([]byte(limitsFile))
	require.NoError(t, err)
	require.Equal(t, uint64(1024), limit)
	limit, err = parseOpenFilesLimit([]byte("\nMax open files            unlimited            unlimited            files     \n"))
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), limit)
	for _, s := range []string{"", "\nMax open files", "\nMax open files  ", "\nMax open files -1 2 files\n"} {
		_, err := parseOpenFilesLimit([]byte(s))
		require.ErrorIs(t, err, errMalformed, "%q", s)
	}
}

func FuzzLimits(f *testing.F) {
	f.Add([]byte(limitsFile))
	f.Fuzz(func(t *testing.T, b []byte) {
		if limit, err := parseOpenFilesLimit(b); err != nil {
			require.Zero(t, limit)
		}
	})
}
