package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// family are the groups of processes of the tests of process trees.
const family = `
receivers:
  agent_process:
    groups:
      - {name: shell_agent, role: agent, match: {command_line: ['e2e_shell_agent']}}
      - {name: growing, role: tool, match: {command_line: ['e2e_growing']}}
      - {name: mcp_servers, role: mcp_server, match: {command_line: ['server-everything.* stdio']}}
`

// startTree runs agent.yaml with these groups and a Prometheus that scrapes it.
// What agent.yaml checks is away: that is no matter here.
func startTree(t *testing.T) *node {
	t.Helper()
	overlay := filepath.Join(t.TempDir(), "family.yaml")
	require.NoError(t, os.WriteFile(overlay, []byte(family), 0o600))
	n := &node{}
	n.watchkeeper = startWatchkeeper(t, append(shipped(t, "agent.yaml"), "--config", overlay), map[string]string{
		"WATCHKEEPER_INTERVAL": interval.String(),
		"JAEGER_ENDPOINT":      peers.FreeEndpoint(t),
	})
	n.scrapeWithPrometheus(t)
	return n
}

func TestAnOrphanedToolServerIsSeenAndTold(t *testing.T) {
	n := startTree(t)
	agent, server := startAgentWithServer(t)
	n.eventually(t, `sum(agent_process_count{process_group="mcp_servers",agent_role="mcp_server"}) == 1`)
	n.eventually(t, `sum(agent_process_count{process_group="shell_agent"}) == 1`)
	require.Empty(t, n.prometheus.must(t, `agent_process_orphans > 0`))

	killed := time.Now()
	require.NoError(t, agent.Process.Kill())
	_ = agent.Wait()

	n.eventually(t, `agent_process_orphans{process_group="mcp_servers"} == 1`)
	n.eventually(t, `agent_process_orphans_memory_bytes{process_group="mcp_servers"} > 10e6`)
	var orphaned, exited []event
	require.Eventually(t, func() bool {
		orphaned, exited = n.named(t, "agent.process.orphaned"), n.named(t, "agent.process.exited")
		return len(orphaned) > 0 && len(exited) > 0
	}, 30*time.Second, 100*time.Millisecond)

	require.Len(t, orphaned, 1)
	require.Equal(t, strconv.Itoa(server), orphaned[0].attributes["process.pid"])
	require.Equal(t, "mcp_servers", orphaned[0].attributes["process.group"])
	require.Contains(t, orphaned[0].attributes["process.command_line"], "server-everything")
	require.NotContains(t, orphaned[0].attributes["process.command_line"], "s3cr3t", "secrets are masked")

	require.Equal(t, strconv.Itoa(agent.Process.Pid), exited[0].attributes["process.pid"])
	require.Equal(t, "shell_agent", exited[0].attributes["process.group"])
	require.Less(t, exited[0].at.Sub(killed), time.Second, "an exit is seen when it happens")

	require.NoError(t, syscall.Kill(server, syscall.SIGKILL))
	n.eventually(t, `agent_process_orphans{process_group="mcp_servers"} == 0`)
}

// startAgentWithServer runs a shell that plays an agent: it starts an MCP server
// from npm over stdio and waits. It returns the shell and the pid of the server.
func startAgentWithServer(t *testing.T) (agent *exec.Cmd, server int) {
	t.Helper()
	script := filepath.Join(peers.Root(t), "internal", "tools", "mcp", "node_modules",
		"@modelcontextprotocol", "server-everything", "dist", "index.js")
	require.FileExists(t, script, `run "make peers"`)
	agent = exec.Command("/bin/sh", "-c", `node "$1" stdio --api-key=s3cr3t <&3 >/dev/null 2>&1 & echo $!; wait`, "e2e_shell_agent", script)
	agent.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := agent.StdoutPipe()
	require.NoError(t, err)
	// The server ends when its input does. Ours outlives the agent, as one does that
	// another process has inherited.
	input, keep, err := os.Pipe()
	require.NoError(t, err)
	agent.ExtraFiles = []*os.File{input}
	require.NoError(t, agent.Start())
	require.NoError(t, input.Close())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	server, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = syscall.Kill(server, syscall.SIGKILL)
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = keep.Close()
	})
	return agent, server
}

func TestMemoryFollowsAProcessThatGrows(t *testing.T) {
	const step = 50 << 20
	n := startTree(t)
	grow := startGrowing(t, step)
	usage := func() float64 {
		samples := n.prometheus.must(t, `process_memory_usage_bytes{process_group="growing"}`)
		if len(samples) != 1 {
			return 0
		}
		return samples[0].value
	}
	require.Eventually(t, func() bool { return usage() > 0 }, 30*time.Second, 100*time.Millisecond)
	base := usage()
	for i := 1; i <= 3; i++ {
		_, err := io.WriteString(grow, "more\n")
		require.NoError(t, err)
		want := base + float64(i*step)
		n.eventually(t, fmt.Sprintf(`abs(process_memory_usage_bytes{process_group="growing"} - %f) < 10e6`, want))
	}
}

// growEnv has the test binary become the process that grows.
const growEnv = "WATCHKEEPER_E2E_GROW_BYTES"

// startGrowing runs a process that takes step bytes more for each line that is
// written to it.
func startGrowing(t *testing.T, step int) io.Writer {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "e2e_growing")
	cmd.Env = append(os.Environ(), growEnv+"="+strconv.Itoa(step))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return in
}

func growing(step int) {
	var kept [][]byte
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		block := make([]byte, step)
		for i := range block {
			block[i] = byte(i) // a page counts when it has been written to
		}
		kept = append(kept, block)
	}
	fmt.Fprintln(os.Stderr, len(kept))
}
