package span

import (
	"net"
	"strconv"
	"strings"
)

const toolsCall = "tools/call"

// mcp are the OpenTelemetry MCP conventions, the SDKs for Python and C# and
// FastMCP that follow them, FastMCP 3 that spoke of RPC, and the instrumentations
// of OpenLIT and OpenLLMetry that have words of their own.
var mcp = dialect{
	name:       "mcp",
	namespaces: []string{"mcp."},
	scopes: []string{
		"mcp-python-sdk", "fastmcp", "Experimental.ModelContextProtocol", "opentelemetry.instrumentation.mcp",
	},
	agentic: true,
	fields: []field{
		{"mcp.method.name", mcpMethod, 0},
		{"mcp.method", mcpMethod, 1}, // OpenLIT
		{"mcp.session.id", mcpSession, 0},
		{"mcp.server.name", mcpServer, 0},
		{"fastmcp.server.name", mcpServer, 1},
		{"mcp.tool.name", toolName, 2},
		{"mcp.error.code", mcpErrorCode, 0},
		{"rpc.system", rpcSystem, 1},
		{"rpc.system.name", rpcSystem, 0},
		{"rpc.method", rpcMethod, 0},
	},
	triggers: []slot{mcpMethod, rpcSystem},
	content: []string{
		"mcp.request.argument*", "mcp.tool.arguments", "mcp.tool.result", "mcp.tool.input", "mcp.tool.output",
		"mcp.request.payload", "mcp.response.payload", "mcp.response.value", "mcp.prompt.arguments", "gen_ai.prompt.variable*",
	},
	classify: classifyMCP,
}

func classifyMCP(s *Span, m *Meaning) bool {
	method := s.text(mcpMethod)
	if method == "" && s.text(rpcSystem) == "mcp" {
		method = s.text(rpcMethod)
	}
	if method == "" && s.Scope == "opentelemetry.instrumentation.mcp" {
		return openLLMetryMCP(s, m)
	}
	if method == "" {
		return false
	}
	m.MCPMethod = method
	internal := s.Kind == KindInternal || s.Kind == KindUnspecified
	switch {
	case internal && (s.text(operation) == "execute_tool" || s.has(mastraType)):
		// The conventions ask for it: one span for the run of the tool, with what MCP has to
		// say on it, and no second one.
		m.Type = Tool
	case internal && strings.HasPrefix(s.Scope, "fastmcp"):
		m.Type = Noise // "delegate": a mounted server repeats the call of the one above
		return true
	case s.Kind == KindServer || s.Kind == KindConsumer:
		m.Type = MCPServer
	default:
		m.Type = MCPClient
	}
	if method == toolsCall {
		m.Tool = s.text(toolName)
		// The client of the SDK for Python names it nowhere else: "MCP send tools/call X".
		if _, name, ok := strings.Cut(s.Name, toolsCall+" "); ok {
			fill(&m.Tool, name)
		}
	}
	m.MCPServer = s.mcpServerName(m.Type)
	return true
}

// mcpServerName is what the server calls itself, or else where it is.
func (s *Span) mcpServerName(t Type) string {
	if name := s.text(mcpServer); name != "" {
		return name
	}
	if t == MCPServer {
		return s.Service
	}
	if name := s.text(peerService); name != "" {
		return name
	}
	address := s.text(peerAddress)
	if address == "" || !s.has(peerPort) {
		return address
	}
	// Servers on one host are told apart by nothing but their port.
	port := s.values[peerPort].value
	if port.text != "" {
		return net.JoinHostPort(address, port.text)
	}
	number, ok := port.Int()
	if !ok {
		return address
	}
	return net.JoinHostPort(address, strconv.FormatInt(number, 10))
}

// openLLMetryMCP names its spans after the method, and wraps them in those of the
// session; its runs of tools are left to the dialect of traceloop.span.kind.
func openLLMetryMCP(s *Span, m *Meaning) bool {
	switch {
	case s.has(traceloopKind):
		return false
	case strings.HasPrefix(s.Name, "mcp.server"), strings.HasPrefix(s.Name, "mcp.client.session"):
		m.Type = Noise
		return true
	}
	method, ok := strings.CutSuffix(s.Name, ".mcp")
	if !ok {
		return false
	}
	m.Type, m.MCPMethod = MCPClient, method
	m.MCPServer = s.mcpServerName(m.Type)
	return true
}
