package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// call calls the canary. What the tool says is compared and then forgotten: it is
// not for a reason.
func (p *Probe) call(ctx context.Context, session *mcp.ClientSession) fault {
	canary := p.settings.Canary
	arguments := canary.Arguments
	if arguments == nil {
		arguments = map[string]any{}
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: canary.Tool, Arguments: arguments})
	if err != nil {
		return fault{err: err}
	}
	reason := func(cause string) string { return fmt.Sprintf("tool %q at %s: %s", canary.Tool, p.target, cause) }
	text := textOf(result)
	switch {
	case result.IsError:
		return fault{kind: check.ToolError, reason: reason("the tool says that it failed")}
	case result.NeedsInput():
		return fault{kind: check.Assertion, reason: reason("the tool asks back instead of answering")}
	case canary.Contains != "" && !strings.Contains(text, canary.Contains):
		return fault{kind: check.Assertion, reason: reason("the answer does not contain the expected text")}
	case canary.Regex != nil && !canary.Regex.MatchString(text):
		return fault{kind: check.Assertion, reason: reason("the answer does not match the expected pattern")}
	default:
		return fault{}
	}
}

// textOf returns the text of an answer, one block a line; the structured content of
// one that has no text.
func textOf(result *mcp.CallToolResult) string {
	var blocks []string
	for _, content := range result.Content {
		if text, ok := content.(*mcp.TextContent); ok {
			blocks = append(blocks, text.Text)
		}
	}
	if len(blocks) == 0 && result.StructuredContent != nil {
		if structured, err := json.Marshal(result.StructuredContent); err == nil {
			return string(structured)
		}
	}
	return strings.Join(blocks, "\n")
}
