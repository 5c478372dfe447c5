package peers

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// MCP starts the reference MCP server "everything" over streamable HTTP at
// http://<endpoint>/mcp. It speaks versions of the protocol that have sessions.
func MCP(t T) *Server {
	t.Helper()
	folder := filepath.Join(Root(t), "internal", "tools", "mcp")
	script := filepath.Join(folder, "node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js")
	if _, err := os.Stat(script); err != nil {
		t.Fatalf("the MCP server is not installed in %s: run \"make peers\"", folder)
	}
	return Start(t, Command{
		Path: "node",
		Args: func(string, int) []string {
			return []string{"--require", filepath.Join(folder, "preload.cjs"), script, "streamableHttp"}
		},
		Env: func(_ string, port int) []string { return []string{"PORT=" + strconv.Itoa(port)} },
		Ready: func(ctx context.Context, endpoint string) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+endpoint+"/mcp", nil)
			if err != nil {
				return err
			}
			// A GET outside a session is refused, which is an answer.
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			return response.Body.Close()
		},
	})
}
