package proctable

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCgroupOfEachKindOfHost(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want cgroups
		path string
	}{
		"version 2":   {"0::/system.slice/agent.service\n", cgroups{unified: "/system.slice/agent.service"}, "/system.slice/agent.service"},
		"root":        {"0::/\n", cgroups{unified: "/"}, "/"},
		"removed":     {"0::/user.slice/a (deleted)\n", cgroups{unified: "/user.slice/a"}, "/user.slice/a"},
		"colons":      {"0::/a:b:c\n", cgroups{unified: "/a:b:c"}, "/a:b:c"},
		"no line end": {"0::/a", cgroups{unified: "/a"}, "/a"},
		"nothing":     {"", cgroups{}, ""},
		"version 1": {
			"4:cpu,memory:/docker/0123\n3:pids:/docker/0123/init\n1:name=systemd:/\n",
			cgroups{memory: "/docker/0123", longest: "/docker/0123/init"}, "/docker/0123/init",
		},
		"both": {
			"4:memory:/docker/0123\n1:name=systemd:/docker/0123\n0::/\n",
			cgroups{unified: "/", memory: "/docker/0123", longest: "/docker/0123"}, "/docker/0123",
		},
		"both, the second in use": {
			"1:name=systemd:/a\n0::/b\n", cgroups{unified: "/b", longest: "/a"}, "/b",
		},
	} {
		got, err := parseCgroups([]byte(c.file))
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.path, got.path(), name)
	}
}

func TestMalformedCgroups(t *testing.T) {
	for _, s := range []string{"\n", "0", "0:", "0::", "0::a", ":memory:/a", "x:memory:/a", "-1::/", "0::/a\n\n", "4:memory\n"} {
		_, err := parseCgroups([]byte(s))
		require.ErrorIs(t, err, errMalformed, "%q", s)
	}
}

func FuzzCgroups(f *testing.F) {
	f.Add([]byte("4:cpu,memory:/docker/0123\n1:name=systemd:/\n0::/\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCgroups(b)
		if err != nil {
			require.Zero(t, c)
			return
		}
		require.GreaterOrEqual(t, len(c.longest), len(c.memory))
	})
}
