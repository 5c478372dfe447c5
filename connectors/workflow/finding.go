package workflow

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/watchkeeper/watchkeeper/connectors/workflow/internal/metadata"
	assembly "github.com/watchkeeper/watchkeeper/internal/span/workflow"
	"github.com/watchkeeper/watchkeeper/internal/tracelink"
)

// The events that findings are told by, and the keys of their attributes.
const (
	loopEvent    = "workflow.loop"
	stalledEvent = "workflow.stalled"
	runawayEvent = "workflow.runaway"

	keyWorkflow  = "workflow_type"
	keyAgent     = "agent"
	keyDetector  = "detector"
	keyTools     = "tools"
	keyArguments = "arguments" // hashes in hexadecimal, empty where none is told
	keyCount     = "count"
	keyPeriod    = "period" // calls in one circle
	keyValue     = "value"  // tokens, US dollars, a factor, steps or seconds
	keyLimit     = "limit"
)

// eventOf splits what the engine found into the event and what found it.
func eventOf(kind assembly.FindingKind) (event, detector string) {
	switch kind {
	case assembly.Stalled:
		return stalledEvent, "silence"
	case assembly.LoopRepeat, assembly.LoopCycle, assembly.LoopStuck:
		return loopEvent, strings.TrimPrefix(string(kind), "loop.")
	case assembly.RunawayTokens, assembly.RunawayCost, assembly.RunawayContext, assembly.RunawayChain:
	}
	return runawayEvent, strings.TrimPrefix(string(kind), "runaway.")
}

// finding is one of the engine's, kept beyond its call.
type finding struct {
	at time.Time
	assembly.Finding
}

// events makes log records of findings.
func events(found []finding, page tracelink.Page) plog.Logs {
	logs := plog.NewLogs()
	scope := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName(metadata.ScopeName)
	for i := range found {
		found[i].write(scope.LogRecords().AppendEmpty(), page)
	}
	return logs
}

func (f *finding) write(record plog.LogRecord, page tracelink.Page) {
	event, detector := eventOf(f.Kind)
	record.SetEventName(event)
	record.SetTimestamp(pcommon.NewTimestampFromTime(f.at))
	record.SetObservedTimestamp(record.Timestamp())
	record.SetSeverityNumber(plog.SeverityNumberWarn)
	record.SetSeverityText("WARN")
	record.SetTraceID(pcommon.TraceID(f.TraceID))
	record.SetSpanID(pcommon.SpanID(f.SpanID))
	record.Body().SetStr(f.sentence())
	a := record.Attributes()
	a.PutStr(keyWorkflow, f.Workflow)
	a.PutStr(keyAgent, f.Agent)
	a.PutStr(keyDetector, detector)
	if link := page.URL(f.TraceID, f.SpanID); link != "" {
		a.PutStr(tracelink.Attribute, link)
	}
	if event != loopEvent {
		a.PutDouble(keyValue, f.Value)
		a.PutDouble(keyLimit, f.Limit)
		return
	}
	a.PutInt(keyCount, int64(f.Count))
	a.PutInt(keyPeriod, int64(f.Period))
	tools, arguments := a.PutEmptySlice(keyTools), a.PutEmptySlice(keyArguments)
	for _, name := range f.Tools {
		tools.AppendEmpty().SetStr(name)
	}
	for _, hash := range f.Arguments {
		text := ""
		if hash != 0 {
			text = fmt.Sprintf("%016x", hash)
		}
		arguments.AppendEmpty().SetStr(text)
	}
}

// sentence says what was found as a person would.
func (f *finding) sentence() string {
	who := fmt.Sprintf("Workflow %q", f.Workflow)
	if f.Agent != "" && f.Agent != f.Workflow {
		who = fmt.Sprintf("Agent %q of workflow %q", f.Agent, f.Workflow)
	}
	switch f.Kind {
	case assembly.LoopRepeat:
		return fmt.Sprintf("%s called %s %d times in a row with the same arguments.", who, quoted(f.Tools), f.Count)
	case assembly.LoopCycle:
		return fmt.Sprintf("%s went %d times through the same circle of calls: %s.", who, f.Count, quoted(f.Tools))
	case assembly.LoopStuck:
		return fmt.Sprintf("%s asked its model %d times in a row without anything having changed.", who, f.Count)
	case assembly.RunawayTokens:
		return fmt.Sprintf("%s used %.0f tokens within a minute; %.0f is the limit.", who, f.Value, f.Limit)
	case assembly.RunawayCost:
		return fmt.Sprintf("%s spent %.2f US dollars within a minute; %.2f is the limit.", who, f.Value, f.Limit)
	case assembly.RunawayContext:
		return fmt.Sprintf("%s sends its model %.1f times the input that it began with; %.1f is the limit.", who, f.Value, f.Limit)
	case assembly.RunawayChain:
		return fmt.Sprintf("%s has taken %.0f steps; %.0f is the limit.", who, f.Value, f.Limit)
	case assembly.Stalled:
		return fmt.Sprintf("%s has been silent for %s and has not ended.", who, time.Duration(f.Value*float64(time.Second)).Round(time.Second))
	}
	return fmt.Sprintf("%s: %s.", who, f.Kind)
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(list, ", ")
}
