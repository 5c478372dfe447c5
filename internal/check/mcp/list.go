package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check/mcp/contract"
)

// maxPages bounds a list whose pages hold next to nothing.
const maxPages = 100

// toolList is what a server offers, as far as it was read.
type toolList struct {
	// known is true when the server was asked, or said that it has no tools.
	known bool
	count int
	// size is that of the definitions in JSON, in bytes: what an agent pays for in
	// every context. characters is the same in characters.
	size, characters int
	tools            []contract.Tool
	// more is true when there are more than were counted, endless when that is for
	// the number of the pages.
	more, endless bool
}

// whole is true when the list is known to its end.
func (l *toolList) whole() bool { return l.known && !l.more }

func listTools(ctx context.Context, session *mcp.ClientSession, limit int) (toolList, error) {
	var list toolList
	capabilities := session.InitializeResult().Capabilities
	if capabilities == nil || capabilities.Tools == nil {
		list.known = true
		return list, nil
	}
	params := &mcp.ListToolsParams{}
	for range maxPages {
		page, err := session.ListTools(ctx, params)
		if err != nil {
			return toolList{}, err
		}
		list.known = true
		for _, tool := range page.Tools {
			if list.count == limit {
				list.more = true
				return list, nil
			}
			if err := list.add(tool); err != nil {
				return toolList{}, err
			}
		}
		if page.NextCursor == "" {
			return list, nil
		}
		params = &mcp.ListToolsParams{Cursor: page.NextCursor}
	}
	list.more, list.endless = true, true
	return list, nil
}

func (l *toolList) add(tool *mcp.Tool) error {
	if tool == nil {
		return errors.New("a tool is null")
	}
	definition, err := json.Marshal(tool)
	if err != nil {
		return err
	}
	l.count++
	l.size += len(definition)
	l.characters += utf8.RuneCount(definition)
	l.tools = append(l.tools, contract.Tool{
		Name: tool.Name, Description: tool.Description, Input: tool.InputSchema, Output: tool.OutputSchema,
	})
	return nil
}

// tokens estimates how many tokens a text of so many characters is.
func tokens(characters int) int { return (characters + 3) / 4 }
