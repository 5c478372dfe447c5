package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

const captureFolder = "../../../testdata/otlp"

func TestCapturesAreCountedAsTheyTrulyHappened(t *testing.T) {
	folders := []string{captureFolder}
	if more := os.Getenv("WATCHKEEPER_CAPTURES"); more != "" {
		folders = append(folders, more)
	}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.truth.ndjson"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			capture := strings.TrimSuffix(file, ".truth.ndjson")
			t.Run(filepath.Base(capture), func(t *testing.T) {
				want := truth(t, file)
				r := rand.New(rand.NewPCG(1, 2))
				for range 20 {
					spans := readCapture(t, capture+".json")
					require.NotEmpty(t, spans)
					r.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
					l := run(t, DefaultSettings(), spans...)
					require.Equal(t, want, l.account())
					require.Empty(t, l.found, "false alarm")
					require.NotEmpty(t, l.ended)
				}
			})
		}
	}
}

// account counts what the truth files tell.
func (l *ledger) account() map[string]int {
	n := make(map[string]int)
	for i := range l.calls {
		switch c := &l.calls[i]; c.Kind {
		case ToolCall:
			n[fmt.Sprintf("tool %s failed=%v", c.Tool, c.Failed)]++
		case ModelCall:
			n[fmt.Sprintf("model failed=%v", c.Failed)]++
			n["input"] += int(c.Tokens.Input)
			n["output"] += int(c.Tokens.Output)
		}
	}
	maps.DeleteFunc(n, func(_ string, v int) bool { return v == 0 })
	return n
}

// truth reads what the model server and the tools saw. A client tries again after
// a 429 until it is answered: one call. A 500 is tried again until the client gives
// up: one call that failed, up to the next request that is answered or differs.
func truth(t *testing.T, file string) map[string]int {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	n := make(map[string]int)
	broken := ""
	for line := range strings.Lines(string(text)) {
		var l struct {
			What, Name, API       string
			OK, Stream            bool
			RequestModel          string `json:"request_model"`
			Status, Input, Output int
			InputTokens           int `json:"input_tokens"`
			OutputTokens          int `json:"output_tokens"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		request := fmt.Sprint(l.What, l.API, l.Stream, l.RequestModel)
		if l.Status != 500 || broken != request {
			broken = ""
		}
		switch {
		case l.What == "tool":
			n[fmt.Sprintf("tool %s failed=%v", l.Name, !l.OK)]++
		case l.Status == 429 || l.Status == 500 && broken == request:
		case l.Status == 500:
			broken = request
			n["model failed=true"]++
		default:
			n["model failed=false"]++
			n["input"] += l.InputTokens
			n["output"] += l.OutputTokens
		}
	}
	maps.DeleteFunc(n, func(_ string, v int) bool { return v == 0 })
	return n
}

func readCapture(t testing.TB, file string) (spans []given) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text)
	require.NoError(t, err)
	for _, rs := range td.ResourceSpans().All() {
		service, _ := rs.Resource().Attributes().Get("service.name")
		for _, ss := range rs.ScopeSpans().All() {
			for _, sp := range ss.Spans().All() {
				var g given
				s := &g.s
				s.TraceID, s.ID, s.ParentID = span.TraceID(sp.TraceID()), span.ID(sp.SpanID()), span.ID(sp.ParentSpanID())
				s.Service, s.Scope, s.Name = service.AsString(), ss.Scope().Name(), sp.Name()
				s.Kind, s.Status = span.Kind(sp.Kind()), span.Status(sp.Status().Code())
				s.Start, s.End = int64(sp.StartTimestamp()), int64(sp.EndTimestamp())
				for key, v := range sp.Attributes().All() {
					s.Set(key, value(v))
				}
				for _, event := range sp.Events().All() {
					for key, v := range event.Attributes().All() {
						s.SetEvent(event.Name(), key, value(v))
					}
				}
				g.m = span.Classify(s)
				spans = append(spans, g)
			}
		}
	}
	return spans
}

func value(v pcommon.Value) span.Value {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return span.StringOf(v.Str())
	case pcommon.ValueTypeInt:
		return span.IntOf(v.Int())
	case pcommon.ValueTypeDouble:
		return span.FloatOf(v.Double())
	case pcommon.ValueTypeBool:
		return span.BoolOf(v.Bool())
	case pcommon.ValueTypeMap, pcommon.ValueTypeSlice:
		return span.JSONOf(v.AsString())
	}
	return span.Value{}
}

func TestOutcomesOfCaptures(t *testing.T) {
	// By trace in order of time: an answer after tools, a tool that throws, an answer
	// after a refusal, and a model that fails for good.
	for capture, want := range map[string][]Outcome{
		"vercel-ai-sdk":           {Success, Success, Success, Failed},
		"mastra":                  {Success, Success, Success, Failed},
		"strands-agents":          {Success, Success, Success, Failed},
		"genkit":                  {Success, Failed, Success, Failed}, // the tool's failure ends the flow
		"langgraph-openinference": {Success, Failed},
		"langgraph-openllmetry":   {Success},
	} {
		l := run(t, DefaultSettings(), readCapture(t, filepath.Join(captureFolder, capture+".json"))...)
		got := make(map[int64]Outcome)
		for _, s := range l.ended {
			got[s.Start] = s.Outcome
			require.Positive(t, s.Duration)
			require.NotEmpty(t, s.Path)
			require.NotEqual(t, "unknown", s.Type)
		}
		require.Len(t, got, len(want), capture)
		var outcomes []Outcome
		for _, start := range sortedKeys(got) {
			outcomes = append(outcomes, got[start])
		}
		require.Equal(t, want, outcomes, capture)
	}
}
