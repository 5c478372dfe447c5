// Package mcp asks an MCP server whether it answers, which tools it offers, and
// whether one of them works, in whichever era of the protocol the server lives:
// since 2026-07-28 there are no sessions and server/discover is the cheap call;
// before, a session began with initialize. The server is one over streamable HTTP,
// or a program that is started for each run and spoken to over stdio.
//
// It also compares the tools with those that were accepted before: what an agent
// was told of a tool is a contract, and a server that changes it under an agent is
// news, if not a fault. What is seen first is accepted. A difference is told once,
// in a notice, and then accepted as well, unless acceptance is manual: then the
// accepted contract stays until the settings name the digest of another. See package
// contract for what is compared.
//
// A server over stdio leads a process group of its own, which is gone when Run
// returns: its input is closed, then it gets SIGTERM, then SIGKILL. It gets SIGKILL
// when we die. What it starts in another session escapes us, as it does every
// supervisor without a control group, but does not hold up the run.
//
// Steps: dns, connect and tls where a connection is made, or spawn; then discover,
// initialize, list and call as far as they are needed. The last one is the one
// that failed, if any did.
//
// A run reads at most 4 MiB, nested at most 128 deep, and keeps none of it.
//
// Measurements:
//
//	name                         unit       attributes              meaning
//	mcp.tools                    {tool}     mcp.protocol.version    tools that the server offers
//	mcp.tools.definition_size    By         mcp.protocol.version    size of their definitions in JSON, which every agent that uses them carries in its context
//	mcp.tools.definition_tokens  {token}    mcp.protocol.version    estimated tokens of their definitions; see below
//	mcp.protocol.info            {info}     mcp.protocol.version,   always 1; the version that was agreed on (other for one that is
//	                                        mcp.protocol.era        not known), and its era: stateless or session
//	mcp.certificate.expiry       s          none                    time until the server's certificate expires; negative when it has
//	mcp.token.expiry             s          none                    time until the JWT that authorizes us expires; negative when it has
//	mcp.contract.differences     {tool}     mcp.contract.change     tools that differ from the accepted contract, by kind of change:
//	                                                                added, removed, breaking, description, schema
//
// Tokens are estimated as one for every four characters, rounded up: the rule of
// thumb that OpenAI gives for English text ("What are tokens and how to count
// them?"). JSON Schema is denser, and every model counts differently, so it shows
// how definitions grow rather than what they cost.
//
// The token is read from the Authorization header of a request as it goes out, if
// that is a bearer's JWT. It is not verified, which is the server's business, and
// nothing but its expiry is looked at.
package mcp
