package proctable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOOMKillsOfBothVersions(t *testing.T) {
	for _, file := range []string{
		"low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 1\nsock_throttled 0\n",
		"oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
	} {
		kills, err := parseOOMKills([]byte(file))
		require.NoError(t, err)
		require.Equal(t, uint64(3), kills)
	}
	for _, file := range []string{"", "oom_kill 3", "low 0\noom_kill x\n", "low 0\noom_kill 3"} {
		_, err := parseOOMKills([]byte(file))
		require.ErrorIs(t, err, errMalformed, "%q", file)
	}
}

func FuzzOOMKills(f *testing.F) {
	f.Add([]byte("low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 1\n"))
	f.Add([]byte("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if kills, err := parseOOMKills(b); err != nil {
			require.Zero(t, kills)
		}
	})
}
