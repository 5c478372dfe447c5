package workflow

import (
	"strconv"
	"strings"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/span"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
	"github.com/watchkeeper/watchkeeper/internal/tally"
)

// ledger keeps the sums of everything that was counted. It is not safe for
// concurrent use.
type ledger struct {
	counters   [metricCount]*tally.Counter
	histograms [metricCount]*tally.Histogram
	gauges     [metricCount]*tally.Gauge
	lookups    map[string]*cacheLookups // by cache_type
	now        time.Time                // of the batch or tick that is worked on
}

// cacheLookups are those since the last collection that tell whether they found
// something, and the share of hits of the last interval that had any.
type cacheLookups struct {
	hits, all int
	share     float64
}

// maxCacheTypes bounds the kinds of caches whose share of hits is told.
const maxCacheTypes = 100

func newLedger(limits tally.Limits) *ledger {
	l := &ledger{lookups: make(map[string]*cacheLookups)}
	for id := range metricCount {
		switch m := describe(id); m.Instrument {
		case Counter:
			l.counters[id] = tally.NewCounter(limits)
		case Histogram:
			l.histograms[id] = tally.NewHistogram(m.Bounds, limits)
		case Gauge:
			l.gauges[id] = tally.NewGauge(limits)
		}
	}
	return l
}

func (l *ledger) add(id metricID, v float64, e *tally.Exemplar, labels ...string) {
	l.counters[id].Add(l.now, labelsOf(labels), v, e)
}

func (l *ledger) observe(id metricID, e *tally.Exemplar, labels ...string) {
	l.histograms[id].Observe(l.now, labelsOf(labels), e.Value, e)
}

func (l *ledger) gauge(id metricID, v float64, labels ...string) {
	l.gauges[id].Add(l.now, labelsOf(labels), v)
}

func labelsOf(values []string) (labels tally.Labels) {
	copy(labels[:], values)
	return labels
}

// refused is how many additions went to overflow points.
func (l *ledger) refused() (n uint64) {
	for id := range metricCount {
		if c := l.counters[id]; c != nil {
			n += c.Refused()
		}
		if h := l.histograms[id]; h != nil {
			n += h.Refused()
		}
		if g := l.gauges[id]; g != nil {
			n += g.Refused()
		}
	}
	return n
}

// call counts one call in every metric that it belongs to.
func (l *ledger) call(c *assembly.Call) {
	exemplar := l.exemplar(c.TraceID, c.SpanID, c.Start, c.Duration)
	e := &exemplar
	switch c.Kind {
	case assembly.ToolCall:
		l.add(toolCalls, 1, e, c.Tool, c.Agent, status(c.Failed), c.ErrorType)
		l.observe(toolDuration, e, c.Tool, c.Agent)
	case assembly.MCPCall:
		// Listing tools and the like are no tool calls.
		if c.MCPMethod == "tools/call" {
			l.add(mcpCalls, 1, e, c.MCPServer, c.Tool, status(c.Failed), c.ErrorType)
			l.observe(mcpDuration, e, c.MCPServer, c.Tool)
		}
	case assembly.ModelCall:
		l.model(c, e)
	case assembly.A2ASent:
		l.add(a2aSent, 1, e, c.A2AMethod, c.Peer, c.Priority)
		if !streams(c.A2AMethod) {
			l.observe(a2aLatency, e, c.A2AMethod)
		}
	case assembly.A2AReceived:
		l.add(a2aReceived, 1, e, c.A2AMethod, c.Peer, processing(c))
	case assembly.HTTPServed:
		class := statusClass(c.HTTPStatus, c.Failed)
		l.add(httpRequests, 1, e, c.HTTPMethod, c.HTTPRoute, class)
		l.observe(httpDuration, e, c.HTTPMethod, c.HTTPRoute, class)
	case assembly.HTTPSent: // what it is for is counted: a tool, a model, a message
	case assembly.DatabaseCall:
		l.add(databaseOperations, 1, e, c.DBOperation, c.DBTable, queryType(c.DBOperation))
	case assembly.CacheCall:
		l.cache(c, e)
	}
}

func (l *ledger) model(c *assembly.Call, e *tally.Exemplar) {
	if c.HasTokens {
		for _, t := range [...]struct {
			kind  string
			count int64
		}{
			{"input", c.Tokens.Input},
			{"output", c.Tokens.Output},
			{"cache_read", c.Tokens.CacheRead},
			{"cache_write", c.Tokens.CacheWrite},
			{"reasoning", c.Tokens.Reasoning},
		} {
			if t.count > 0 {
				l.add(tokens, float64(t.count), e, c.Provider, c.Model, t.kind)
			}
		}
	}
	if c.PriceStatus != "" {
		l.add(priceLookups, 1, e, c.PriceStatus)
	}
	if c.Cost > 0 {
		l.add(cost, c.Cost, e, c.Provider, c.Model)
	}
}

func (l *ledger) cache(c *assembly.Call, e *tally.Exemplar) {
	result := c.CacheResult
	if result == "" {
		result = status(c.Failed)
	}
	l.add(cacheOperations, 1, e, c.DBOperation, c.DBSystem, result)
	if c.CacheResult == "" {
		return
	}
	seen := l.lookups[c.DBSystem]
	if seen == nil {
		if len(l.lookups) >= maxCacheTypes {
			return
		}
		seen = &cacheLookups{}
		l.lookups[strings.Clone(c.DBSystem)] = seen
	}
	seen.all++
	if c.CacheResult == "hit" {
		seen.hits++
	}
}

func (l *ledger) failure(f *assembly.Failure) {
	e := l.exemplar(f.TraceID, f.SpanID, f.Start, 0)
	l.add(failures, 1, &e, f.ErrorType, string(f.Component), f.Severity, string(f.Recoverable))
}

func (l *ledger) ended(s *assembly.Summary) {
	e := l.exemplar(s.TraceID, s.Root, s.Start, s.Duration)
	l.add(executions, 1, &e, s.Type, s.Agent, string(s.Outcome), s.Tier)
	l.observe(duration, &e, s.Type, s.Tier)
}

func (l *ledger) found(f *assembly.Finding) {
	if event, detector := eventOf(f.Kind); event == loopEvent {
		e := l.exemplar(f.TraceID, f.SpanID, l.now.UnixNano(), 0)
		l.add(loops, 1, &e, detector)
	}
}

// exemplar points at the span that was counted, at its end.
func (l *ledger) exemplar(trace span.TraceID, id span.ID, begin int64, took time.Duration) tally.Exemplar {
	return tally.Exemplar{Time: time.Unix(0, begin).Add(took), Value: took.Seconds(), TraceID: trace, SpanID: id}
}

func status(failed bool) string {
	if failed {
		return "error"
	}
	return "success"
}

// statusClass is that of the answer, such as "2xx". Without an answer the request
// failed before there was one.
func statusClass(code int, failed bool) string {
	switch {
	case code >= 100 && code < 600:
		return strconv.Itoa(code/100) + "xx"
	case failed:
		return "error"
	}
	return "unknown"
}

// streams says whether the answer of a method comes in parts: how long that takes
// is not its latency, and several SDKs end such a span before it has begun.
func streams(method string) bool {
	return method == "SendStreamingMessage" || method == "SubscribeToTask"
}

// processing is what became of a message: the state of its task where that is
// told.
func processing(c *assembly.Call) string {
	if c.A2AState != "" {
		return c.A2AState
	}
	return status(c.Failed)
}

// queryType sorts operations by what they do to the data.
func queryType(operation string) string {
	verb, _, _ := strings.Cut(strings.ToUpper(operation), " ")
	switch verb {
	case "SELECT", "SHOW", "FETCH", "FIND", "FINDONE", "AGGREGATE", "COUNT", "GET", "QUERY", "SEARCH", "SCAN", "EXPLAIN", "WITH":
		return "read"
	case "INSERT", "UPDATE", "DELETE", "MERGE", "UPSERT", "REPLACE", "COPY", "TRUNCATE", "PUT", "SET":
		return "write"
	case "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT":
		return "schema"
	case "BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return "transaction"
	}
	return "other"
}
