package proctable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResidentIsTheSecondField(t *testing.T) {
	for text, want := range map[string]int64{
		"2157 243 221 5 0 55 0\n": 243,
		"0 0 0 0 0 0 0\n":         0,
	} {
		pages, err := parseResident([]byte(text))
		require.NoError(t, err)
		require.Equal(t, want, pages)
	}
	for _, text := range []string{"", "1", "1 2", "1 x 3", "1  3 4", "1 -2 3", "1 99999999999999999 3"} {
		_, err := parseResident([]byte(text))
		require.ErrorIs(t, err, errMalformed, text)
	}
}

func FuzzParseResident(f *testing.F) {
	f.Add([]byte("2157 243 221 5 0 55 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pages, err := parseResident(b)
		require.True(t, err != nil || pages >= 0 && pages <= 1<<40)
	})
}
