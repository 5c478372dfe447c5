package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	mcptrace "github.com/watchkeeper/watchkeeper/sdk/mcp"
)

// failMeta, in the _meta of a call, has a tool of ours fail: the arguments of a
// second try are those of the first.
const failMeta = "fleetsim.example/fail"

// slowTool is how long a tool takes when its dependency is slow.
const slowTool = 2 * time.Second

// toolInput are the arguments of each tool.
type toolInput struct {
	Query string `json:"query"`
}

// toolServer returns the fleet's own MCP server.
func (f *fleet) toolServer(s *service) http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: s.name, Version: "1.0.0"}, nil)
	for name, about := range map[string]string{
		"search": "Finds documents.", "lookup": "Finds a ticket.", "publish": "Makes a text public.",
	} {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: about}, f.tool(name))
	}
	mcptrace.InstrumentServer(server, mcptrace.WithTracerProvider(s.tracers))
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
}

func (f *fleet) tool(name string) mcp.ToolHandlerFor[toolInput, any] {
	return func(ctx context.Context, call *mcp.CallToolRequest, in toolInput) (*mcp.CallToolResult, any, error) {
		took := f.options.latency / 4
		if f.faults.on(faultSlow) {
			took = slowTool
		}
		pause(ctx, took)
		if fail, _ := call.Params.Meta[failMeta].(bool); fail || name == "search" && f.faults.on(faultTool) {
			return nil, nil, fmt.Errorf("%s is out of order", name)
		}
		text := fmt.Sprintf("%s: three results for %q", name, in.Query)
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	}
}

// errTool is what a tool's own error is to an agent.
var errTool = toolFailure{errors.New("the tool tells of an error")}

type toolFailure struct{ error }

// ErrorType is that of the MCP conventions.
func (toolFailure) ErrorType() string { return "tool_error" }

// use runs a tool over MCP, as its agent sees it.
func (f *fleet) use(ctx context.Context, s *service, tool, query string, fail bool) (err error) {
	name, arguments := f.arguments(tool, query)
	ctx, run := s.kit.StartTool(ctx, name)
	defer func() {
		f.truth.ended(f.truth.toolCalls, name, err)
		run.End(err)
	}()
	session, err := f.pools[s.name].take(ctx)
	if err != nil {
		return err
	}
	params := &mcp.CallToolParams{Name: name, Arguments: arguments}
	if fail {
		params.Meta = mcp.Meta{failMeta: true}
	}
	result, err := session.CallTool(ctx, params)
	f.pools[s.name].give(session, err)
	if err == nil && result.IsError {
		err = errTool
	}
	f.truth.ended(f.truth.mcpCalls, name, err)
	return err
}

// arguments returns the tool to use for a job: one of our server, or the one that
// the reference server "everything" has for such.
func (f *fleet) arguments(tool, query string) (name string, arguments map[string]any) {
	if f.options.mcp != "" && !slices.Contains(f.foreignTools, tool) {
		return "echo", map[string]any{"message": query}
	}
	return tool, map[string]any{"query": query}
}

// usePersistently is use, with a second try.
func (f *fleet) usePersistently(ctx context.Context, s *service, tool, query string, flaky bool) error {
	err := f.use(ctx, s, tool, query, flaky)
	if err == nil || ctx.Err() != nil {
		return err
	}
	pause(ctx, f.options.latency)
	return f.use(ctx, s, tool, query, false)
}

// count runs a tool that is a function of the agent itself.
func (f *fleet) count(ctx context.Context, s *service, text string) int {
	_, run := s.kit.StartTool(ctx, "count_words")
	words := 0
	for _, c := range text {
		if c == ' ' {
			words++
		}
	}
	f.truth.ended(f.truth.toolCalls, "count_words", nil)
	run.End(nil)
	return words
}
