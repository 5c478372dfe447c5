// Package mcp makes spans of the messages of the official MCP SDK for Go
// (github.com/modelcontextprotocol/go-sdk), by the MCP conventions of
// OpenTelemetry: CLIENT where a request is sent and SERVER where it is handled,
// named "{method} {tool or prompt}", in both eras of the protocol and over every
// transport. The trace goes from one to the other in params._meta, unprefixed, as
// SEP-414 has it, so the sender's span is the parent of the receiver's whatever
// lies between them; a span that the receiver's transport has made becomes a link.
//
//	client := mcp.NewClient(implementation, nil)
//	otelmcp.InstrumentClient(client)
//
// A call of a tool within sdk.StartTool of the same name makes no span of its own:
// as the conventions ask, the attributes of MCP are added to the span of the tool.
// A second call within the same StartTool, such as a retry, has a span of its own.
//
// The middleware of the MCP SDK does not show it the id of a request, so there is no
// jsonrpc.request.id; server.address and network.transport are told by options on
// the client, which cannot see its transport either.
package mcp
