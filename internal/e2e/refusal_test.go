package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A configuration that cannot work must be refused at once, in one line that says
// what to mend and betrays nothing.
func TestABrokenConfigurationIsRefusedInOneLine(t *testing.T) {
	const secret = "s3cr3t-canary"
	for name, c := range map[string]struct {
		part string
		want []string
	}{
		"an unknown key": {
			part: "receivers: {agent_health: {checks: {db: {postgres: {endpoint: 'localhost:1', username: u, passwrd: " + secret + "}}}}}",
			want: []string{"passwrd"},
		},
		"an unknown key beside a secret": {
			part: "receivers: {agent_health: {checks: {db: {postgres: {endpoint: 'localhost:1', username: u, password: " + secret + ", databse: x}}}}}",
			want: []string{"databse"},
		},
		"a secret of the wrong type": {
			part: "receivers: {agent_health: {checks: {db: {postgres: {endpoint: 'localhost:1', username: u, password: {" + secret + ": 1}}}}}}",
			want: []string{"password"},
		},
		"a wrong enum": {
			part: "exporters: {jaeger: {endpoint: 'localhost:14317', traces: sometimes}}",
			want: []string{"exporters::jaeger", "traces", `"sometimes"`},
		},
		"a wrong role": {
			part: "receivers: {agent_process: {groups: [{name: g, role: boss, match: {comm: [x]}}]}}",
			want: []string{"receivers::agent_process", "role", `"boss"`},
		},
		"a bad regex": {
			part: "receivers: {agent_process: {groups: [{name: g, role: agent, match: {command_line: ['a(b']}}]}}",
			want: []string{"receivers::agent_process", "command_line", "a(b"},
		},
		"a bad regex of the detector": {
			part: "processors: {anomaly: {include: ['a(b']}}",
			want: []string{"processors::anomaly", "include", "a(b"},
		},
		"a wrong duration": {
			part: "receivers: {agent_process: {collection_interval: soon}}",
			want: []string{"agent_process", "collection_interval", "invalid duration"},
		},
		"an unknown component": {
			part: "receivers: {agent_helth: {}}",
			want: []string{"agent_helth"},
		},
		"two probes in one check": {
			part: "receivers: {agent_health: {checks: {db: {redis: {endpoint: 'localhost:1'}, system: {}}}}}",
			want: []string{"receivers::agent_health", "db"},
		},
		"traces that come back": {
			part: "exporters: {jaeger: {endpoint: 'localhost:4317'}}",
			want: []string{"exporters::jaeger", `"localhost:4317"`},
		},
		"broken YAML": {
			part: "receivers: [",
			want: []string{"yaml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "broken.yaml")
			require.NoError(t, os.WriteFile(file, []byte(c.part), 0o600))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()

			var out bytes.Buffer
			cmd := exec.CommandContext(ctx, binary, append(shipped(t, "agent.yaml"), "--config", file)...)
			cmd.Stdout, cmd.Stderr = &out, &out
			begin := time.Now()
			err := cmd.Run()
			took := time.Since(begin)

			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s", &out)
			require.Equal(t, 1, exit.ExitCode(), "%s", &out)
			require.Less(t, took, 2*time.Second)
			require.Equal(t, 1, strings.Count(out.String(), "\n"), "%s", &out)
			require.NotContains(t, out.String(), secret)
			require.NotContains(t, out.String(), "goroutine")
			for _, part := range c.want {
				require.Contains(t, out.String(), part)
			}
		})
	}
}
