package span

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryCaptureIsUnderstoodAsReviewed(t *testing.T) {
	files := captures(t, "../../testdata/otlp")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, root := range understand(readCapture(t, files[name])) {
				draw(&b, root, 0)
			}
			requireGolden(t, filepath.Join("testdata", "golden", name+".txt"), b.String())
		})
	}
}

// draw writes a span and what is below it, a line each.
func draw(b *strings.Builder, m *told, depth int) {
	fmt.Fprintf(b, "%s%s\n", strings.Repeat("  ", depth), line(m.name, &m.Meaning))
	for _, child := range m.below {
		draw(b, child, depth+1)
	}
}

// line is a meaning as a person reads it: what is empty is left out.
func line(name string, m *Meaning) string {
	words := []string{typeNames[m.Type], fmt.Sprintf("%q", name)}
	say := func(key, value string) {
		if value != "" {
			words = append(words, key+"="+value)
		}
	}
	say("dialect", m.Dialect)
	if m.Wrapper {
		words = append(words, "wrapper")
	}
	say("workflow", m.Workflow)
	say("workflow.type", m.WorkflowType)
	say("workflow.id", m.WorkflowID)
	say("agent", m.Agent)
	say("agent.id", m.AgentID)
	say("conversation", m.Conversation)
	say("priority", m.Priority)
	say("complexity", m.Complexity)
	say("operation", m.Operation)
	say("provider", m.Provider)
	say("model", m.RequestModel)
	if m.ResponseModel != m.RequestModel {
		say("answered", m.ResponseModel)
	}
	if m.HasTokens {
		t := m.Tokens
		words = append(words, fmt.Sprintf("tokens=%d/%d", t.Input, t.Output))
		for _, part := range []struct {
			name  string
			count int64
		}{{"cache_read", t.CacheRead}, {"cache_write", t.CacheWrite}, {"reasoning", t.Reasoning}} {
			if part.count != 0 {
				words = append(words, fmt.Sprintf("%s=%d", part.name, part.count))
			}
		}
	}
	if m.Cost >= 0 {
		words = append(words, fmt.Sprintf("cost=%g", m.Cost))
	}
	say("tool", m.Tool)
	say("call", m.ToolCallID)
	if m.Arguments != 0 {
		words = append(words, fmt.Sprintf("arguments=%016x", m.Arguments))
	}
	say("mcp", m.MCPMethod)
	say("server", m.MCPServer)
	say("session", m.MCPSession)
	say("a2a", m.A2AMethod)
	say("task", m.A2ATask)
	say("state", m.A2AState)
	say("a2a.peer", m.A2APeer)
	say("http", m.HTTPMethod)
	say("route", m.HTTPRoute)
	if m.HTTPStatus != 0 {
		words = append(words, fmt.Sprintf("status=%d", m.HTTPStatus))
	}
	say("db", m.DBSystem)
	say("db.operation", m.DBOperation)
	say("table", m.DBTable)
	say("cache", m.CacheResult)
	say("peer", m.Peer)
	if m.Failed {
		words = append(words, "FAILED="+m.ErrorType)
	}
	return strings.Join(words, " ")
}

var typeNames = map[Type]string{
	Other: "other", Noise: "noise", Workflow: "workflow", Agent: "agent", Task: "task", Inference: "inference", Tool: "tool",
	MCPClient: "mcp-client", MCPServer: "mcp-server", A2AClient: "a2a-client", A2AServer: "a2a-server",
	HTTPClient: "http-client", HTTPServer: "http-server", Database: "database", Cache: "cache",
}

func requireGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "if this is meant: go test ./internal/span -update, and read the difference")
}
