package workflow

import "iter"

// Instrument is the form of a metric.
type Instrument int

// The forms of metrics that the connector makes.
const (
	Counter   Instrument = iota // a monotonic cumulative sum
	Histogram                   // a cumulative histogram with explicit bounds
	Gauge
)

// Metric describes one that the connector can make.
type Metric struct {
	Name, Unit, Description string
	Instrument              Instrument
	Labels                  []string  // keys of its attributes, in the order of the ledger
	Bounds                  []float64 // of a histogram, in its unit
}

// Catalogue yields every metric that the connector can make.
func Catalogue() iter.Seq[Metric] {
	return func(yield func(Metric) bool) {
		for i := range metricCount {
			if !yield(describe(i)) {
				return
			}
		}
	}
}

// metricID numbers the metrics.
type metricID int

const (
	executions metricID = iota
	duration
	active
	oldest
	stalled
	loops
	toolCalls
	toolDuration
	mcpCalls
	mcpDuration
	a2aSent
	a2aReceived
	a2aLatency
	httpRequests
	httpDuration
	failures
	cacheOperations
	cacheHit
	databaseOperations
	tokens
	cost
	priceLookups
	metricCount
)

// describe is the only place that knows the name, unit and labels of a metric.
func describe(id metricID) Metric {
	switch id {
	case executions:
		return Metric{
			Name: "agent.workflow.executions", Unit: "{execution}", Instrument: Counter,
			Description: "Workflows that ended.",
			Labels:      []string{"workflow_type", "agent_id", "outcome", "complexity_tier"},
		}
	case duration:
		return Metric{
			Name: "agent.workflow.duration", Unit: "s", Instrument: Histogram,
			Description: "Time from the first to the last moment of a workflow that ended.",
			Labels:      []string{"workflow_type", "complexity_tier"},
			Bounds:      []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600},
		}
	case active:
		return Metric{
			Name: "agent.active_workflows", Unit: "{workflow}", Instrument: Gauge,
			Description: "Workflows of which spans have come and that have not ended.",
			Labels:      []string{"workflow_type", "priority"},
		}
	case oldest:
		return Metric{
			Name: "agent.workflow.oldest", Unit: "s", Instrument: Gauge,
			Description: "Age of the oldest workflow that has not ended; 0 if there is none.",
		}
	case stalled:
		return Metric{
			Name: "agent.workflow.stalled", Unit: "{workflow}", Instrument: Gauge,
			Description: "Workflows that have not ended and of which no span has come for the stall timeout.",
			Labels:      []string{"workflow_type"},
		}
	case loops:
		return Metric{
			Name: "agent.workflow.loops", Unit: "{loop}", Instrument: Counter,
			Description: "Loops found in workflows, by what found them.",
			Labels:      []string{"detector"},
		}
	case toolCalls:
		return Metric{
			Name: "agent.tool.calls", Unit: "{call}", Instrument: Counter,
			Description: "Tool calls of any framework, each once whatever number of spans shows it.",
			Labels:      []string{"tool", "agent", "status", "error_type"},
		}
	case toolDuration:
		return Metric{
			Name: "agent.tool.call.duration", Unit: "s", Instrument: Histogram,
			Description: "Duration of tool calls as the agent sees them.",
			Labels:      []string{"tool", "agent"}, Bounds: callBounds(),
		}
	case mcpCalls:
		return Metric{
			Name: "mcp.tool.calls", Unit: "{call}", Instrument: Counter,
			Description: "Tool calls over MCP, each once whether client, server or both show it.",
			Labels:      []string{"server", "tool", "status", "error_type"},
		}
	case mcpDuration:
		return Metric{
			Name: "mcp.tool.call.duration", Unit: "s", Instrument: Histogram,
			Description: "Duration of tool calls over MCP, as the client sees it where it shows it.",
			Labels:      []string{"server", "tool"}, Bounds: callBounds(),
		}
	}
	return describePeers(id)
}

func describePeers(id metricID) Metric {
	switch id {
	case a2aSent:
		return Metric{
			Name: "a2a.messages.sent", Unit: "{message}", Instrument: Counter,
			Description: "A2A requests sent, by method and by the agent that they go to.",
			Labels:      []string{"message_type", "recipient_type", "priority"},
		}
	case a2aReceived:
		return Metric{
			Name: "a2a.messages.received", Unit: "{message}", Instrument: Counter,
			Description: "A2A requests served, by method, by the agent that sent them and by what became of them.",
			Labels:      []string{"message_type", "sender_type", "processing_status"},
		}
	case a2aLatency:
		return Metric{
			Name: "a2a.message.latency", Unit: "s", Instrument: Histogram,
			Description: "Duration of A2A requests that do not stream, as the sender sees it.",
			Labels:      []string{"message_type"},
			Bounds:      []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60},
		}
	case httpRequests:
		return Metric{
			Name: "http.requests", Unit: "{request}", Instrument: Counter,
			Description: "HTTP requests served.",
			Labels:      []string{"method", "endpoint", "status_class"},
		}
	case httpDuration:
		return Metric{
			Name: "http.request.duration", Unit: "s", Instrument: Histogram,
			Description: "Duration of HTTP requests served.",
			Labels:      []string{"method", "endpoint", "status_class"},
			Bounds:      []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10},
		}
	case failures:
		return Metric{
			Name: "errors", Unit: "{error}", Instrument: Counter,
			Description: "Failures, each once, at the innermost span that shows it.",
			Labels:      []string{"error_type", "component", "severity", "recoverable"},
		}
	case cacheOperations:
		return Metric{
			Name: "cache.operations", Unit: "{operation}", Instrument: Counter,
			Description: "Operations on caches.",
			Labels:      []string{"operation", "cache_type", "result"},
		}
	case cacheHit:
		return Metric{
			Name: "cache.hit", Unit: "1", Instrument: Gauge,
			Description: "Share of hits in the look-ups of the last interval that had any, of those that tell.",
			Labels:      []string{"cache_type"},
		}
	case databaseOperations:
		return Metric{
			Name: "database.operations", Unit: "{operation}", Instrument: Counter,
			Description: "Operations on databases.",
			Labels:      []string{"operation", "table", "query_type"},
		}
	case tokens:
		return Metric{
			Name: "gen_ai.tokens", Unit: "{token}", Instrument: Counter,
			Description: "Tokens of model calls, each call once. Input includes those that the cache gave or took, output those of reasoning.",
			Labels:      []string{"provider", "model", "token_type"},
		}
	case cost:
		return Metric{
			Name: "gen_ai.cost.usd", Unit: "{USD}", Instrument: Counter,
			Description: "What model calls cost at list price, in US dollars.",
			Labels:      []string{"provider", "model"},
		}
	case priceLookups:
		return Metric{
			Name: "gen_ai.price.lookups", Unit: "{lookup}", Instrument: Counter,
			Description: "Model calls whose price was looked up, by whether the model is in the table.",
			Labels:      []string{"status"},
		}
	}
	panic("a metric without a description")
}

// callBounds are for what may answer from memory or take minutes.
func callBounds() []float64 {
	return []float64{0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120}
}
