package agentprocess

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// event is something that happened to a process.
type event struct {
	what    happening
	at      time.Time
	subject subject
	exit    proctable.Exit // of exited
	size    int            // of orphaned: processes in the tree
	memory  int64          // of orphaned: their bytes
}

type happening int

const (
	exited happening = iota
	oomKilled
	orphaned
)

// maxCommandLine bounds the bytes of a command line in an event.
const maxCommandLine = 1024

// writer turns events into log records.
type writer struct {
	builder  *metadata.LogsBuilder
	resource pcommon.Resource
}

func (w *writer) logs(ev event) plog.Logs {
	s := ev.subject
	ctx := context.Background() // there is no trace to which it belongs
	at := pcommon.NewTimestampFromTime(ev.at)
	pid, created := int64(s.id.PID), s.started.UTC().Format(time.RFC3339Nano)
	line, lifetime := cut(mask(s.image.CommandLine), maxCommandLine), max(0, ev.at.Sub(s.started)).Seconds()
	switch ev.what {
	case exited:
		var options []metadata.EventAttributeOption
		switch {
		case !ev.exit.Known:
		case ev.exit.Signal != 0:
			options = append(options, metadata.WithProcessExitSignalEventAttribute(signalName(ev.exit.Signal)))
		default:
			options = append(options, metadata.WithProcessExitCodeEventAttribute(int64(ev.exit.Code)))
		}
		w.builder.RecordAgentProcessExitedEvent(ctx, at, s.group, s.role, pid, created, line, lifetime, options...)
	case oomKilled:
		w.builder.RecordAgentProcessOomKilledEvent(ctx, at, s.group, s.role, pid, created, line, lifetime)
	case orphaned:
		w.builder.RecordAgentProcessOrphanedEvent(ctx, at, s.group, s.role, pid, created, line, lifetime, int64(ev.size), ev.memory)
	}
	logs := w.builder.Emit(metadata.WithLogsResource(w.resource))
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, record := range scope.LogRecords().All() {
				number := ev.severity()
				record.SetSeverityNumber(number)
				record.SetSeverityText(strings.ToUpper(number.String()))
				record.SetObservedTimestamp(record.Timestamp())
				record.Body().SetStr(ev.sentence())
			}
		}
	}
	return logs
}

func (ev *event) severity() plog.SeverityNumber {
	switch {
	case ev.what == oomKilled:
		return plog.SeverityNumberError
	case ev.what == orphaned, ev.exit.Known && (ev.exit.Code != 0 || ev.exit.Signal != 0):
		return plog.SeverityNumberWarn
	default:
		return plog.SeverityNumberInfo
	}
}

// sentence says what happened, for a person.
func (ev *event) sentence() string {
	s := ev.subject
	who := fmt.Sprintf("Process %d (%s) of %q", s.id.PID, printable(s.image.Comm), s.group)
	switch {
	case ev.what == oomKilled:
		return who + " was killed by the kernel because memory ran out."
	case ev.what == orphaned && ev.size > 1:
		return fmt.Sprintf("%s was left behind by its agent, with %d more below it and %d MiB of memory in all.", who, ev.size-1, ev.memory>>20)
	case ev.what == orphaned:
		return fmt.Sprintf("%s was left behind by its agent, with %d MiB of memory.", who, ev.memory>>20)
	case !ev.exit.Known:
		return who + " ended."
	case ev.exit.Signal != 0:
		return fmt.Sprintf("%s was ended by %s.", who, signalName(ev.exit.Signal))
	default:
		return fmt.Sprintf("%s ended with code %d.", who, ev.exit.Code)
	}
}

// printable replaces what a process put into its name to disturb.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '_'
	}, s)
}
