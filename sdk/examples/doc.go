// Package examples shows how agents that use the sdk are wired with what
// instruments HTTP, PostgreSQL and Redis, and with the MCP and A2A SDKs. It is a
// module of its own, so that the sdk needs none of these.
package examples
