package main

import "sync"

// counts are numbers by two keys, both from short lists.
type counts map[string]map[string]int64

// truth counts what the fleet has really done, where it is done and apart from its
// telemetry. It is safe for concurrent use.
type truth struct {
	mu sync.Mutex

	// By workflow, tool, model or method, and then by outcome: success or failed.
	workflows, toolCalls, modelCalls, mcpCalls counts
	// By model, and then input, output, cache_read and reasoning.
	tokens counts
	// By method, and then sent and received.
	a2aMessages counts
	// By "METHOD route", and then status class: requests served, and requests sent.
	httpServer, httpClient counts
	// By operation: then the table, or hit, miss and ok.
	database, cache counts
	exportErrors    counts
}

// report is the line of JSON that is printed at the end.
type report struct {
	Workflows    counts `json:"workflows"`
	ToolCalls    counts `json:"tool_calls"`
	ModelCalls   counts `json:"model_calls"`
	Tokens       counts `json:"tokens"`
	MCPCalls     counts `json:"mcp_calls"`
	A2AMessages  counts `json:"a2a_messages"`
	HTTPServer   counts `json:"http_server"`
	HTTPClient   counts `json:"http_client"`
	Database     counts `json:"database"`
	Cache        counts `json:"cache"`
	ExportErrors int64  `json:"export_errors"`
}

func newTruth() *truth {
	return &truth{
		workflows: make(counts), toolCalls: make(counts), modelCalls: make(counts), mcpCalls: make(counts),
		tokens: make(counts), a2aMessages: make(counts), httpServer: make(counts), httpClient: make(counts),
		database: make(counts), cache: make(counts), exportErrors: make(counts),
	}
}

// add adds to one of the truth's counts.
func (t *truth) add(c counts, key, kind string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c[key] == nil {
		c[key] = make(map[string]int64)
	}
	c[key][kind] += n
}

// ended counts one outcome.
func (t *truth) ended(c counts, key string, err error) {
	outcome := "success"
	if err != nil {
		outcome = "failed"
	}
	t.add(c, key, outcome, 1)
}

// report returns the counts; they must not be added to any more.
func (t *truth) report() report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return report{
		Workflows: t.workflows, ToolCalls: t.toolCalls, ModelCalls: t.modelCalls, Tokens: t.tokens, MCPCalls: t.mcpCalls,
		A2AMessages: t.a2aMessages, HTTPServer: t.httpServer, HTTPClient: t.httpClient, Database: t.database, Cache: t.cache,
		ExportErrors: t.exportErrors["errors"][""],
	}
}
