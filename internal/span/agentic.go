package span

// AgentAttribute reports whether a span that has an attribute of this key was
// emitted on behalf of an agent, a model, a tool or an MCP or A2A peer. It knows
// the namespaces of all dialects; one that programs without agents use too, such as
// http or error, is none of them.
func AgentAttribute(key string) bool { return hasPrefix(key, agentNamespaces) }

// AgentScope reports whether the instrumentation scope of this name emits spans
// on behalf of agents only, attributes or not.
func AgentScope(name string) bool { return hasPrefix(name, agentScopes) }
