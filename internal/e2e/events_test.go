package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"go.opentelemetry.io/collector/pdata/plog"
)

// event is a log record with an event name, its attributes as text.
type event struct {
	name, body string
	severity   plog.SeverityNumber
	at         time.Time
	attributes map[string]string
}

// events reads what the shipped agent.yaml has written to its file of events.
func (w *watchkeeper) events(t *testing.T) (found []event) {
	t.Helper()
	file, err := os.Open(filepath.Join(w.state, "events.jsonl"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(lines.Bytes())
		require.NoError(t, err)
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					e := event{
						name: r.EventName(), body: r.Body().AsString(), severity: r.SeverityNumber(),
						at: r.Timestamp().AsTime(), attributes: make(map[string]string),
					}
					for key, value := range r.Attributes().All() {
						e.attributes[key] = value.AsString()
					}
					found = append(found, e)
				}
			}
		}
	}
	require.NoError(t, lines.Err())
	return found
}

// named are the events of one name.
func (w *watchkeeper) named(t *testing.T, name string) (found []event) {
	t.Helper()
	for _, e := range w.events(t) {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

// transitions are the events that say how the verdict of a check changed, after a
// time.
func (w *watchkeeper) transitions(t *testing.T, check string, after time.Time) (found []event) {
	t.Helper()
	for _, e := range w.events(t) {
		if e.name == "agent.health.transition" && e.attributes["check.name"] == check && e.at.After(after) {
			found = append(found, e)
		}
	}
	return found
}
