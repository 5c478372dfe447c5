package agentprocess

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
agents:x:1000:1000::/srv/agents:/usr/sbin/nologin
agents:x:1001:1001:::

broken:x
negative:x:-1:0:::
huge:x:4294967296:0:::
:x:5:0:::
last:x:4294967295:0`

func TestUsersOfAPasswdFile(t *testing.T) {
	require.Equal(t, map[string]uint32{"root": 0, "agents": 1000, "last": 4294967295}, parsePasswd([]byte(passwd)))
	require.Empty(t, parsePasswd(nil))
}

func FuzzPasswd(f *testing.F) {
	f.Add([]byte(passwd))
	f.Fuzz(func(t *testing.T, b []byte) {
		for name := range parsePasswd(b) {
			require.NotEmpty(t, name)
			require.NotContains(t, name, ":")
			require.NotContains(t, name, "\n")
		}
	})
}

func BenchmarkPasswd(b *testing.B) {
	content := []byte(passwd)
	b.ReportAllocs()
	for b.Loop() {
		parsePasswd(content)
	}
}
