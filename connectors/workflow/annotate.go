package workflow

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/span"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
)

// The attributes that the connector adds. Those of a workflow are on its root, as
// far as known when the root passes.
const (
	attrType       = "watchkeeper.workflow.type"
	attrOutcome    = "watchkeeper.workflow.outcome"
	attrErrorType  = "watchkeeper.workflow.error_type"
	attrTier       = "watchkeeper.workflow.complexity_tier"
	attrSteps      = "watchkeeper.workflow.steps"
	attrAgents     = "watchkeeper.workflow.agents"
	attrToolCalls  = "watchkeeper.workflow.tool_calls"
	attrModelCalls = "watchkeeper.workflow.model_calls"
	attrRetries    = "watchkeeper.workflow.retries"
	attrFailures   = "watchkeeper.workflow.failures"
	attrInput      = "watchkeeper.workflow.tokens.input"
	attrOutput     = "watchkeeper.workflow.tokens.output"
	attrCost       = "watchkeeper.workflow.cost_usd"
	attrFindings   = "watchkeeper.workflow.findings"
	// attrPath lists the critical path: name, then the id of the span.
	attrPath = "watchkeeper.workflow.critical_path"
	// attrOnPath marks the spans on the critical path that come with the root or
	// after it.
	attrOnPath = "watchkeeper.workflow.on_critical_path"
	// attrLate marks spans that come after their workflow was taken for ended.
	attrLate = "watchkeeper.workflow.late"
	// attrContent is how many bytes of content were removed from a span.
	attrContent = "watchkeeper.content.removed_bytes"
	// attrPriority is a number that samplers can keep on: 1 on the root of a workflow
	// that did not succeed, and on every span of one that something was found in.
	attrPriority = "sampling.priority"
	// attrPeer is what Jaeger draws the other end of a call by.
	attrPeer = "peer.service"
)

// normalise adds the conventional attributes of what the span means, where they
// are absent. It removes nothing.
func normalise(sp ptrace.Span, m *span.Meaning) {
	attributes := sp.Attributes()
	for key, v := range m.Attributes {
		if _, there := attributes.Get(key); !there {
			write(attributes, key, v)
		}
	}
	if peer := peerOf(m); peer != "" {
		if _, there := attributes.Get(attrPeer); !there {
			attributes.PutStr(attrPeer, peer)
		}
	}
}

// peerOf names the other end of a call, for the spans that have one.
func peerOf(m *span.Meaning) string {
	switch m.Type {
	case span.MCPClient:
		return m.MCPServer
	case span.A2AClient:
		return m.A2APeer
	case span.HTTPClient, span.Inference, span.Database, span.Cache:
		return m.Peer
	}
	return ""
}

// strip removes content from a span and its events, and returns its bytes. What a
// tool was called with leaves its hash, so that another collector can still see
// that two calls are the same.
func strip(sp ptrace.Span, m *span.Meaning) (removed int) {
	sp.Attributes().RemoveIf(func(key string, v pcommon.Value) bool {
		if !span.Content(key) {
			return false
		}
		removed += sizeOf(v)
		return true
	})
	for i := range sp.Events().Len() {
		event := sp.Events().At(i)
		name := event.Name()
		event.Attributes().RemoveIf(func(key string, v pcommon.Value) bool {
			if !span.EventContent(name, key) {
				return false
			}
			removed += sizeOf(v)
			return true
		})
	}
	if removed > 0 {
		sp.Attributes().PutInt(attrContent, int64(removed))
		if m.Arguments != 0 {
			sp.Attributes().PutStr(span.ArgumentsHash, fmt.Sprintf("%016x", m.Arguments))
		}
	}
	return removed
}

func sizeOf(v pcommon.Value) int {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return len(v.Str())
	case pcommon.ValueTypeBytes:
		return v.Bytes().Len()
	}
	return len(v.AsString())
}

// annotate writes what is known of a workflow onto its root, in place of what a
// collector before this one, which may have seen less of it, has written there.
func annotate(root ptrace.Span, s *assembly.Summary) {
	a := root.Attributes()
	for _, key := range []string{attrErrorType, attrCost, attrFindings, attrPath} {
		a.Remove(key)
	}
	a.PutStr(attrType, s.Type)
	a.PutStr(attrOutcome, string(s.Outcome))
	if s.ErrorType != "" {
		a.PutStr(attrErrorType, s.ErrorType)
	}
	a.PutStr(attrTier, s.Tier)
	a.PutInt(attrSteps, int64(s.Steps))
	a.PutInt(attrAgents, int64(s.Agents))
	a.PutInt(attrToolCalls, int64(s.ToolCalls))
	a.PutInt(attrModelCalls, int64(s.ModelCalls))
	a.PutInt(attrRetries, int64(s.Retries))
	a.PutInt(attrFailures, int64(s.Failures))
	a.PutInt(attrInput, s.Tokens.Input)
	a.PutInt(attrOutput, s.Tokens.Output)
	if s.Cost > 0 {
		a.PutDouble(attrCost, s.Cost)
	}
	if len(s.Findings) > 0 {
		list := a.PutEmptySlice(attrFindings)
		for _, f := range s.Findings {
			list.AppendEmpty().SetStr(string(f))
		}
	}
	if len(s.Path) > 0 {
		list := a.PutEmptySlice(attrPath)
		for _, p := range s.Path {
			list.AppendEmpty().SetStr(strings.TrimPrefix(p.Name+" "+hex.EncodeToString(p.SpanID[:]), " "))
		}
	}
	if s.Outcome != assembly.Success || len(s.Findings) > 0 {
		a.PutInt(attrPriority, 1)
	}
}

// onPath reports whether a span is on the critical path of its workflow.
func onPath(s *assembly.Summary, id span.ID) bool {
	return slices.ContainsFunc(s.Path, func(p assembly.PathSpan) bool { return p.SpanID == id })
}
