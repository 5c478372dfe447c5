package agentprocess

import (
	"fmt"
	"regexp"
)

// builtinRules compiles the builtins.
func builtinRules() (matcher, error) {
	var m matcher
	for _, b := range builtins() {
		compiled, _, err := newMatcher([]Group{b.Group}, nil)
		if err != nil {
			return nil, fmt.Errorf("builtin group %q: %w", b.Name, err)
		}
		compiled[0].stdio, compiled[0].words = b.stdio, b.words
		m = append(m, compiled...)
	}
	return m, nil
}

// builtins returns the groups that need no configuration: agents first, because
// their arguments often name the servers that they are to start.
func builtins() []builtin {
	list := []builtin{claudeAsServer}
	for _, r := range runtimes {
		patterns := []string{begin + program + r.program + end}
		for _, p := range r.packages {
			p = regexp.QuoteMeta(p)
			patterns = append(patterns, begin+installer+p+end, begin+`(?:node|bun)(?: -\S+)* (?:\S*/)?node_modules/`+p+`/`)
		}
		for _, m := range r.modules {
			patterns = append(patterns, begin+module+m)
		}
		list = append(list, builtin{Group{r.name, "agent", Match{CommandLine: patterns}}, false, []string{r.word}})
	}
	return append(list, servers())
}

// builtin is a group that needs no configuration.
type builtin struct {
	Group
	stdio bool     // as in rule
	words []string // as in rule
}

// How programs are started. Before a program there may be a path, and before a
// script or a package there are flags.
const (
	begin     = `^(?:\S*/)?`
	flags     = `(?: -\S+)* `
	python    = `python[\d.]*(?: -[^mc\s]\S*)* `
	module    = python + `-m `
	program   = `(?:(?:node|nodejs|bun|deno)(?:` + flags + `|(?: -\S+)* run` + flags + `)(?:\S*/)?|` + python + `(?:\S*/)?|(?:ba|da)?sh(?: -\w+)* (?:exec )?["']?(?:\S*/)?)?`
	installer = `(?:(?:(?:node|nodejs)` + flags + `\S*/)?(?:npx|npx-cli\.js|bunx|npm exec|pnpm dlx|yarn dlx|pnpm exec|bun x|deno run)` + flags + `(?:npm:)?|` +
		`(?:uvx|uv tool uvx|uv tool run|uv run|pipx run)(?: --from \S+| -\S+)* )`
	end = `(?:\.exe|\.m?js|\.cjs|\.py)?(?:["'@\s]|$)`
)

// runtimes are the agents that are recognised: by the name of the program, by the
// npm packages that it comes in, by Python modules. All of these hold the word.
var runtimes = []struct {
	name, word        string
	program           string
	packages, modules []string
}{
	{"claude", "claude", `claude(?:-code)?`, []string{"@anthropic-ai/claude-code"}, nil},
	{"codex", "codex", `codex(?:-[\w-]*linux[\w-]*)?`, []string{"@openai/codex"}, nil},
	{"gemini", "gemini", `gemini(?:-cli)?`, []string{"@google/gemini-cli"}, nil},
	{"aider", "aider", `aider`, nil, []string{`aider` + end}},
	// There is a tool for databases of the same name.
	{"goose", "goose", `(?:goosed|goose(?: (?:session|run|web|acp|mcp|agent|schedule)| *$))`, nil, nil},
	{"opencode", "opencode", `opencode`, []string{"opencode-ai"}, nil},
	{"cursor-agent", "cursor-agent", `cursor-agent`, nil, nil},
	{"copilot", "copilot", `copilot`, []string{"@github/copilot"}, nil},
	{"qwen", "qwen", `qwen(?:-code)?`, []string{"@qwen-code/qwen-code"}, nil},
	{"openhands", "openhands", `openhands`, nil, []string{`openhands\b`}},
	{"crewai", "crewai", `crewai`, nil, []string{`crewai\b`}},
	{"langgraph", "langgraph", `langgraph`, []string{"@langchain/langgraph-cli"}, []string{`langgraph(?:_api|_cli)?\b`}},
	{"autogen", "autogen", `autogen(?:studio)?`, nil, []string{`autogen(?:studio|_\w+)?\b`}},
	{"openai-agents", "openai", `openai[-_]agents`, nil, []string{`openai_agents\b`}},
	{"n8n", "n8n", `n8n`, []string{"n8n"}, nil},
}

// claudeAsServer is an agent that serves others instead.
var claudeAsServer = builtin{Group{"mcp-claude", "mcp_server", Match{CommandLine: []string{begin + program + `claude mcp serve` + end}}}, true, []string{"claude mcp"}}

// servers returns the group of each MCP server that talks over the pipes that it
// was started with, or seems to. What the names of servers have in common is left
// out, so that npx, the shell that it starts and the server are in one group.
func servers() builtin {
	const (
		own   = `(?P<server>\w[\w.-]*?)`
		scope = `(?:@[\w.-]+/)?`
	)
	patterns := []string{begin + `(?:docker|podman|nerdctl)(?: container)? run (?:.* )?(?:[\w.-]+/)*mcp/(?P<server>[\w.-]+)(?:[:@\s]|$)`}
	for _, name := range []string{
		scope + `mcp[-_]server[-_]` + own,
		`@modelcontextprotocol/server-` + own,
		scope + own + `[-_]mcp(?:[-_]server)?`,
		`@(?P<server>[\w.-]+)/mcp(?:-server)?`,
	} {
		patterns = append(patterns,
			begin+`(?:`+installer+`|`+module+`|`+program+`)`+name+end,
			begin+`(?:node|bun)(?: -\S+)* (?:\S*/)?node_modules/`+name+`/`)
	}
	patterns = append(patterns,
		begin+`(?:`+installer+`|`+module+`)`+scope+`mcp[-_]`+own+end,
		begin+`(?:`+installer+`|`+program+`)(?:fast)?mcp run (?:\S*/)?`+own+end)
	return builtin{Group{"mcp-{{ .server }}", "mcp_server", Match{CommandLine: patterns}}, true, []string{"mcp", "modelcontextprotocol"}}
}

// networked matches the command line of a server that others may reach, and so
// may be of use without the one that started it.
var networked = regexp.MustCompile(`(?i)[\s=](?:streamable[-_]?http|sse|https?|--?(?:port|host|listen|address|bind)|-p)(?:[\s=]|$)`)
