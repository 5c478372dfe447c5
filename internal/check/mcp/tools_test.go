package mcp

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type echoed struct {
	Message string `json:"message" jsonschema:"what to say"`
}

func addTools(server *mcp.Server) {
	mcp.AddTool(server, &mcp.Tool{Name: "echo", Description: "says it again"},
		func(_ context.Context, _ *mcp.CallToolRequest, in echoed) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{
				&mcp.TextContent{Text: "You said:"}, &mcp.TextContent{Text: in.Message},
			}}, nil, nil
		})
	mcp.AddTool(server, &mcp.Tool{Name: "environment", Description: "tells its environment"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			dir, _ := os.Getwd()
			return &mcp.CallToolResult{Content: []mcp.Content{
				&mcp.TextContent{Text: strings.Join(append(os.Environ(), "dir="+dir, "args="+strings.Join(os.Args[1:], "|")), "\n")},
			}}, nil, nil
		})
	mcp.AddTool(server, &mcp.Tool{Name: "count", Description: "counts"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, map[string]int, error) {
			return nil, map[string]int{"total": 42}, nil
		})
	mcp.AddTool(server, &mcp.Tool{Name: "fail", Description: "fails"},
		func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
			return nil, nil, io.ErrUnexpectedEOF
		})
	mcp.AddTool(server, &mcp.Tool{Name: "wait", Description: "comes back late"},
		func(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			// A server without sessions does not hear that nobody waits any longer.
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			return nil, nil, ctx.Err()
		})
}
