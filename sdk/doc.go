// Package sdk lets agents that are written in Go say what they do: workflows,
// agents, tools and model calls as spans in the newest names of the OpenTelemetry
// GenAI conventions, and the few measurements that nobody can see from outside,
// such as the depth of a queue.
//
// It needs the OpenTelemetry API only. What becomes of the spans and measurements
// is decided by the providers of the program; with none, every call here costs
// next to nothing. Counts and durations are not recorded a second time as metrics:
// Watchkeeper, or any other backend, derives them from the spans.
//
// The sub-packages mcp and a2a do the same for the official MCP and A2A SDKs.
// HTTP, databases and caches have instrumentation of their own (otelhttp, otelpgx,
// redisotel); the module in examples/ shows how they go together.
package sdk
