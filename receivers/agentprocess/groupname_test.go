package agentprocess

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

func TestCapturesNameTheGroup(t *testing.T) {
	m := newTestMatcher(t, Group{"{{.team}}/agent-{{ .agent }}", "agent", Match{
		CommandLine:      []string{`--agent (?P<agent>\S*)`, `--name=(?P<agent>\S*)`},
		WorkingDirectory: []string{"/srv/(?P<team>[^/]+)/.*"},
	}})
	for line, want := range map[string]string{
		"run --agent planner":           "red/agent-planner",
		"run --name=coder":              "red/agent-coder",
		"run --agent  --name=second":    "red/agent-second",
		"run --name=":                   "red/agent-unknown",
		"run --name=a\x1bb\nc{{.d}}":    "red/agent-a_b",
		"run --name=\xff\xfe":           "red/agent-_",
		"run --name=größe":              "red/agent-größe",
		"run --name=a;b|c":              "red/agent-a_b_c",
		"run --name=ghp_" + secret:      "red/agent-***",
		"run --name=" + letters(100):    "red/agent-" + letters(64),
		"run --name=" + "é" + umlauts(): "red/agent-" + umlauts()[:64],
	} {
		if strings.HasPrefix(line, "run --name=é") {
			want = "red/agent-é" + umlauts()[:62]
		}
		got, _ := find(m, proctable.Image{CommandLine: line}, &answers{directory: "/srv/red/x"})
		require.Equal(t, want, got.group, "%q", line)
	}
}

const secret = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"

func letters(n int) string { return strings.Repeat("a", n) }

func umlauts() string { return strings.Repeat("ü", 60) }
