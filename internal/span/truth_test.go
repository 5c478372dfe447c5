package span

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// account is what a workload did: runs of tools by "name/outcome", model calls by
// outcome, and the tokens of those that were answered.
type account struct {
	Tools  map[string]int
	Calls  map[string]int
	Tokens Tokens
}

func newAccount() *account {
	return &account{Tools: make(map[string]int), Calls: make(map[string]int)}
}

// unseen says what the spans of a capture do not carry at all, so that it cannot
// equal the truth. TestWhatACaptureDoesNotCarryIsNotInIt proves each by the
// attributes as they came.
var unseen = map[string]struct {
	cachedTokens bool
	why          string
}{
	"langgraph-openllmetry": {cachedTokens: true, why: "model calls tell input, output and total tokens only; chains beside them have more in the messages they pass on"},
	"openai-client-otel":    {cachedTokens: true, why: "the instrumentation writes input and output tokens only"},
}

func TestCountingByTheRulesGivesWhatTrulyHappened(t *testing.T) {
	folders := []string{"../../testdata/otlp"}
	if more := os.Getenv("WATCHKEEPER_CAPTURES"); more != "" {
		folders = append(folders, more)
	}
	for _, folder := range folders {
		files := captures(t, folder)
		for _, name := range slices.Sorted(maps.Keys(files)) {
			t.Run(name, func(t *testing.T) {
				want := readTruth(t, filepath.Join(folder, name+".truth.ndjson"))
				require.NotEmpty(t, want.Calls, "a truth without model calls proves nothing")
				got := count(understand(readCapture(t, files[name])))
				if unseen[name].cachedTokens {
					require.Zero(t, got.Tokens.CacheRead, "now told: take the exception away")
					want.Tokens.CacheRead = 0
				}
				require.Equal(t, want, got)
			})
		}
	}
}

func TestWhatACaptureDoesNotCarryIsNotInIt(t *testing.T) {
	for name, missing := range unseen {
		require.True(t, missing.cachedTokens, "an exception for nothing: %s", name)
		td := readCapture(t, filepath.Join("../../testdata/otlp", name+".json"))
		calls := 0
		var s Span
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					load(&s, "", ss.Scope().Name(), sp)
					call := Classify(&s).Type == Inference
					for key, v := range sp.Attributes().All() {
						require.NotContains(t, strings.ToLower(key), "cache", "%s: %s", name, missing.why)
						if call {
							require.NotContains(t, strings.ToLower(v.AsString()), "cache", "%s: %s: %s", name, key, missing.why)
						}
					}
					if call {
						calls++
					}
				}
			}
		}
		require.Positive(t, calls)
	}
}

// count applies the rules of the package comment.
func count(roots []*told) *account {
	a := newAccount()
	walk(roots, func(m *told) {
		switch m.Type {
		case Inference:
			if inferenceBelow(m) {
				return
			}
			a.Calls[outcome(&m.Meaning)]++
			for o := m; o != nil && o.Type == Inference; o = o.above {
				if o.HasTokens {
					a.Tokens.Add(o.Tokens)
					break
				}
			}
		case Tool:
			for o := m.above; o != nil && o.Type != Agent && o.Type != Inference; o = o.above {
				if o.Type == Tool && o.Tool == m.Tool {
					return
				}
			}
			a.Tools[m.Tool+"/"+outcome(&m.Meaning)]++
		case MCPClient, MCPServer:
			if m.MCPMethod != toolsCall {
				return
			}
			for o := m.above; o != nil; o = o.above {
				if o.Tool == m.Tool && (o.Type == Tool || o.Type == MCPClient) {
					return
				}
			}
			a.Tools[m.Tool+"/"+outcome(&m.Meaning)]++
		}
	})
	a.Tokens.CacheWrite, a.Tokens.Reasoning = 0, 0 // the truth does not tell them
	return a
}

func inferenceBelow(m *told) bool {
	for _, child := range m.below {
		switch child.Type {
		case Inference:
			return true
		case Tool, MCPClient, MCPServer, A2AClient, A2AServer, Agent, Workflow:
			continue
		}
		if inferenceBelow(child) {
			return true
		}
	}
	return false
}

func outcome(m *Meaning) string {
	if m.Failed {
		return "failed"
	}
	return "ok"
}

// readTruth reads what the model server and the tools wrote down. The server sees
// requests where a client sees calls. The workloads refuse in two ways: 429 until
// the client has tried again, which ends in an answer and is one call with it, and
// 500 until the client gives up, which is one call that failed, whatever comes next.
func readTruth(t *testing.T, file string) *account {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	a := newAccount()
	refused, gaveUp := "", false
	giveUp := func() {
		if refused != "" {
			a.Calls["failed"]++
		}
		refused, gaveUp = "", false
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var l struct {
			What   string `json:"what"`
			Name   string `json:"name"`
			OK     bool   `json:"ok"`
			API    string `json:"api"`
			Stream bool   `json:"stream"`
			Model  string `json:"request_model"`
			Status int    `json:"status"`
			Input  int64  `json:"input_tokens"`
			Output int64  `json:"output_tokens"`
			Cached int64  `json:"cached_input_tokens"`
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &l))
		switch l.What {
		case "tool":
			giveUp()
			a.Tools[fmt.Sprintf("%s/%s", l.Name, map[bool]string{true: "ok", false: "failed"}[l.OK])]++
		case "llm", "embeddings":
			request := fmt.Sprint(l.What, l.API, l.Stream, l.Model)
			if refused != request {
				giveUp()
			}
			if l.What == "llm" && l.Status != 200 {
				refused, gaveUp = request, l.Status >= 500
				continue
			}
			if gaveUp {
				giveUp()
			}
			refused = ""
			a.Calls["ok"]++
			a.Tokens.Add(Tokens{Input: l.Input, Output: l.Output, CacheRead: l.Cached})
		default:
			require.Fail(t, "the truth knows of something else", l.What)
		}
	}
	require.NoError(t, lines.Err())
	giveUp()
	return a
}
