package agentprocess

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
)

func TestBuiltinGroups(t *testing.T) {
	m, err := builtinRules()
	require.NoError(t, err)
	for line, want := range map[string]string{
		// Agents.
		"claude":                             "claude",
		"claude --resume 123":                "claude",
		"/home/u/.local/bin/claude -p hello": "claude",
		"node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js": "claude",
		"node --no-warnings /usr/bin/claude":                          "claude",
		"npm exec @anthropic-ai/claude-code":                          "claude",
		"sh -c claude --continue":                                     "claude",
		"/bin/sh /usr/local/bin/claude":                               "claude",
		"codex exec fix":                                              "codex",
		"node /usr/local/bin/codex":                                   "codex",
		"npx -y @openai/codex@latest":                                 "codex",
		"node /usr/bin/gemini":                                        "gemini",
		"npx @google/gemini-cli":                                      "gemini",
		"/usr/bin/python3 /home/u/.local/bin/aider --model x":         "aider",
		"python -m aider":                                             "aider",
		"goose session":                                               "goose",
		"goosed agent":                                                "goose",
		"opencode":                                                    "opencode",
		"cursor-agent -p x":                                           "cursor-agent",
		"python3 /venv/bin/crewai run":                                "crewai",
		"python3.12 -m crewai.cli.cli run":                            "crewai",
		"/venv/bin/python /venv/bin/langgraph dev --port 8123":        "langgraph",
		"python -m langgraph_api.server":                              "langgraph",
		"autogenstudio ui --port 8081":                                "autogen",
		"python3 -m autogen_core.app":                                 "autogen",
		"python -m openai_agents.run":                                 "openai-agents",
		"node /usr/local/bin/n8n start":                               "n8n",
		`claude --mcp-config {"command":"npx","args":["-y","@modelcontextprotocol/server-memory"]}`: "claude",
		// Servers. The first three are what npx makes of one.
		"npm exec @modelcontextprotocol/server-filesystem /tmp":                                     "mcp-filesystem stdio",
		"sh -c mcp-server-filesystem /tmp":                                                          "mcp-filesystem stdio",
		"node /root/.npm/_npx/15c61037b1978c83/node_modules/.bin/mcp-server-filesystem /tmp":        "mcp-filesystem stdio",
		`sh -c "mcp-server-filesystem" "/tmp"`:                                                      "mcp-filesystem stdio",
		"npx -y @modelcontextprotocol/server-memory":                                                "mcp-memory stdio",
		"npx -y @modelcontextprotocol/server-memory@0.6.2":                                          "mcp-memory stdio",
		"node node_modules/@modelcontextprotocol/server-everything/dist/index.js stdio":             "mcp-everything stdio",
		"node node_modules/@modelcontextprotocol/server-everything/dist/index.js streamableHttp":    "mcp-everything",
		"npx @playwright/mcp@latest":                                                                "mcp-playwright stdio",
		"npx @playwright/mcp@latest --port 8931":                                                    "mcp-playwright",
		"npx -y @upstash/context7-mcp":                                                              "mcp-context7 stdio",
		"npx -y mcp-remote https://example.com/mcp":                                                 "mcp-remote stdio",
		"bunx @acme/mcp-jira":                                                                       "mcp-jira stdio",
		"uvx mcp-server-fetch":                                                                      "mcp-fetch stdio",
		"uv tool uvx mcp-server-git --repository /r":                                                "mcp-git stdio",
		"/root/.cache/uv/archive-v0/x/bin/python /root/.cache/uv/archive-v0/x/bin/mcp-server-fetch": "mcp-fetch stdio",
		"python -m mcp_server_time --local-timezone UTC":                                            "mcp-time stdio",
		"python3 -m mcp_weather":                                                                    "mcp-weather stdio",
		"uvx --from git+https://x/y mcp-server-x":                                                   "mcp-x stdio",
		"python mcp_server_weather.py":                                                              "mcp-weather stdio",
		"/opt/bin/github-mcp-server stdio":                                                          "mcp-github stdio",
		"fastmcp run /srv/weather.py":                                                               "mcp-weather stdio",
		"docker run -i --rm mcp/postgres postgres://h/db":                                           "mcp-postgres stdio",
		"docker run -i --rm -e KEY ghcr.io/x/mcp/github:v1":                                         "mcp-github stdio",
		"docker run -p 80:80 mcp/github":                                                            "mcp-github",
		"claude mcp serve":                                                                          "mcp-claude stdio",
		// Neither.
		"vim mcp-server-files.py":                         "",
		"grep -r mcp-server- .":                           "",
		"git clone https://github.com/x/mcp-server-files": "",
		"bash -c grep claude log":                         "",
		"tail -f /var/log/claude":                         "",
		"goose up":                                        "",
		"node server.js":                                  "",
		"python mcp_client.py":                            "",
		"python -m http.server":                           "",
		"docker run -i --rm postgres":                     "",
		"systemd":                                         "",
		"":                                                "",
	} {
		got, _ := find(m, proctable.Image{CommandLine: line}, &answers{cgroup: "/user.slice/session-3.scope"})
		name := got.group
		if got.stdio {
			require.Equal(t, lineage.Server, got.role, "%q", line)
			name += " stdio"
		}
		require.Equal(t, want, name, "%q", line)
	}
}

func TestServerOfAServiceManagerIsNoStray(t *testing.T) {
	m, err := builtinRules()
	require.NoError(t, err)
	for cgroup, want := range map[string]bool{
		"":  false, // not known
		"/": true,
		"/user.slice/user-1000.slice/session-3.scope":                                      true,
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-terminal.scope": true,
		"/system.slice/files.service":                                                      false,
		"/system.slice/files.service/supervisor":                                           false,
	} {
		got, _ := find(m, proctable.Image{CommandLine: "uvx mcp-server-fetch"}, &answers{cgroup: cgroup})
		require.Equal(t, want, got.stdio, cgroup)
	}
}

func TestInits(t *testing.T) {
	process := func(pid, parent int, comm string) *proctable.Process {
		return &proctable.Process{ID: proctable.ID{PID: pid}, Parent: parent, Image: &proctable.Image{Comm: comm}}
	}
	require.True(t, isInit(process(1, 0, "systemd")))
	require.True(t, isInit(process(1, 0, "tini")))
	require.True(t, isInit(process(900, 1, "systemd")), "that of a user")
	require.False(t, isInit(process(1, 0, "node")), "it may be the agent of a container")
	require.False(t, isInit(process(900, 1, "tini")))
}

func BenchmarkBuiltinGroups(b *testing.B) {
	m, err := builtinRules()
	require.NoError(b, err)
	image := proctable.Image{Comm: "node", CommandLine: "/usr/bin/node --max-old-space-size=4096 /srv/app/server.js --listen 0.0.0.0:8080 --workers 4"}
	b.ReportAllocs()
	for b.Loop() {
		find(m, image, nil)
	}
}
