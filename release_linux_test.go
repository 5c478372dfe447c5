package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatTheStartNeededIsGivenBackAndTheProgramGoesOn(t *testing.T) {
	fixed, err := isFixed("/proc/self/exe")
	require.NoError(t, err)
	require.True(t, fixed, "the flags of the Makefile link it to one address")
	before := residentOfFiles(t)
	require.NoError(t, releaseStart())
	require.Less(t, residentOfFiles(t), before/2)
	// What was given back is read again: code, tables and constants.
	factories, err := components()
	require.NoError(t, err)
	require.NotEmpty(t, factories.Receivers)
	require.Error(t, run([]string{"--config", "yaml:receivers: {nothing: {}}"}, new(bytes.Buffer)))
}

func residentOfFiles(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	found := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, found)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return n
}

func TestOnlyWhatNobodyCanWriteToIsPicked(t *testing.T) {
	const maps = `00400000-02fee000 r-xp 00000000 fe:00 42                                 /opt/my watchkeeper
02fee000-060ea000 r--p 02bee000 fe:00 42                                 /opt/my watchkeeper
060ea000-06200000 rw-p 05cea000 fe:00 42                                 /opt/my watchkeeper
06200000-06300000 r--s 00000000 fe:00 42                                 /opt/my watchkeeper
06300000-06400000 r--p 00000000 00:00 0
7f0000000000-7f0000001000 r-xp 00000000 fe:00 43                         /opt/my watchkeeper.so
7f0000001000-7f0000002000 r-xp 00000000 fe:00 44                         /opt/my watchkeeper (deleted)
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                          [vdso]
7ffd00003000-7ffd00002000 r-xp 00000000 fe:00 42                         /opt/my watchkeeper
nonsense
`
	require.Equal(t, []mapping{{0x400000, 0x2fee000}, {0x2fee000, 0x60ea000}}, readOnly([]byte(maps), "/opt/my watchkeeper"))
}

func FuzzReadOnly(f *testing.F) {
	f.Add("00400000-02fee000 r-xp 00000000 fe:00 42 /a\n")
	f.Fuzz(func(t *testing.T, maps string) {
		for _, m := range readOnly([]byte(maps), "/a") {
			require.Less(t, m.begin, m.end)
		}
	})
}
