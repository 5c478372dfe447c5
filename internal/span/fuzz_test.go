package span

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzClassify gives a span whatever keys and values it is told to, and demands
// what no input may change.
func FuzzClassify(f *testing.F) {
	f.Add("scope", "chat m", uint8(3), uint8(2), "gen_ai.operation.name=chat\ngen_ai.usage.input_tokens=#12")
	f.Add("gcp.vertex.agent", "agent_run [", uint8(1), uint8(0), "gen_ai.workflow.nested=false")
	f.Add("genkit-tracer", "m", uint8(1), uint8(0), `genkit:type=action`+"\n"+`genkit:metadata:subtype=model`+"\n"+`genkit:output={"usage":{"inputTokens":1}}`)
	f.Add("a2a-python-sdk", "a2a.server.request_handlers.", uint8(2), uint8(0), "")
	f.Add("pgx", "SELECT x", uint8(3), uint8(0), "db.system=redis\ndb.statement=/*")
	f.Add("x", "Crew_.kickoff", uint8(1), uint8(0), "openinference.span.kind=CHAIN\nmetadata={\"lc_agent_name\":\"x\"}")
	f.Fuzz(func(t *testing.T, scope, name string, kind, status uint8, attributes string) {
		var s Span
		fill := func() {
			s.Reset()
			s.Scope, s.Name, s.Kind, s.Status = scope, name, Kind(kind%6), Status(status%3)
			for line := range strings.SplitSeq(attributes, "\n") {
				key, text, _ := strings.Cut(line, "=")
				v := StringOf(text)
				if digits, ok := strings.CutPrefix(text, "#"); ok {
					n, _ := StringOf(digits).Int()
					v = IntOf(n)
				} else if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
					v = JSONOf(text)
				}
				if s.Set(key, v) != Known(key) {
					t.Fatalf("Set and Known disagree about %q", key)
				}
				Content(key)
				EventContent(name, key)
			}
		}
		fill()
		m := Classify(&s)
		if again := Classify(&s); again != m {
			t.Fatalf("the same span means two things:\n%+v\n%+v", m, again)
		}
		fill()
		if again := Classify(&s); again != m {
			t.Fatalf("a span used again means something else:\n%+v\n%+v", m, again)
		}
		if m.Failed != (m.ErrorType != "") {
			t.Fatalf("failed %v with error type %q", m.Failed, m.ErrorType)
		}
		tokens := m.Tokens
		for _, n := range []int64{tokens.Input, tokens.Output, tokens.CacheRead, tokens.CacheWrite, tokens.Reasoning} {
			if n < 0 || n > 4*maxCount {
				t.Fatalf("tokens %+v", tokens)
			}
		}
		if m.HasTokens && m.Type != Inference {
			t.Fatalf("a %d has tokens", m.Type)
		}
		if tokens.CacheRead+tokens.CacheWrite > tokens.Input || tokens.Reasoning > tokens.Output {
			t.Fatalf("parts larger than their whole: %+v", tokens)
		}
		if (m.Type == Other) != (m.Dialect == "") {
			t.Fatalf("type %d of dialect %q", m.Type, m.Dialect)
		}
		if m.CacheResult != "" && m.CacheResult != "hit" && m.CacheResult != "miss" {
			t.Fatalf("cache result %q", m.CacheResult)
		}
		m.Attributes(func(key string, v Value) bool {
			if v.Kind() == NoValue {
				t.Fatalf("%s has no value", key)
			}
			return true
		})
	})
}

// FuzzArguments demands that what the standard library holds for the same value has
// the same hash, and that nothing makes the hash fail.
func FuzzArguments(f *testing.F) {
	for _, text := range []string{`{"a":1,"b":[true,null,"x\u00e9"]}`, `[1.5e3,-0]`, `"\ud83d\ude00"`, `{"a":{"b":{"c":[]}}}`, `nope`, `{"a":1,"a":2}`, ``} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := hashArguments(StringOf(text))
		if h == 0 || h != hashArguments(JSONOf(text)) {
			t.Fatalf("hash %d", h)
		}
		member(text, "a")
		textMember(text, "a")
		countMember(text, "a")
		if !json.Valid([]byte(text)) || len(text) > 4096 {
			return
		}
		// White space must not matter, wherever JSON allows it.
		var spaced strings.Builder
		encoder := json.NewEncoder(&spaced)
		encoder.SetIndent(" ", "\t")
		if err := encoder.Encode(json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
		if strings.Count(text, "[")+strings.Count(text, "{") > maxDepth {
			return
		}
		if _, end := hashJSON(text, 0, 0); end != len(text) && !hugeNumber(text) {
			t.Fatalf("valid JSON is refused at %d", end)
		}
		if other := hashArguments(StringOf(spaced.String())); other != h && !hugeNumber(text) {
			t.Fatalf("hash %x, with white space %x", h, other)
		}
	})
}

// hugeNumber knows texts that may hold a number beyond float64, which Go refuses
// and JSON allows.
func hugeNumber(text string) bool {
	return strings.ContainsAny(text, "eE") || len(text) > 300
}

// FuzzMember demands that a member is found where the standard library finds it.
func FuzzMember(f *testing.F) {
	for _, text := range []string{`{"usage":{"inputTokens":1}}`, `{"a":[1,{"usage":2}],"usage":3}`, `{"usage":"}"}`, `{`, `{"usage"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := member(text, "usage")
		var all map[string]json.RawMessage
		if len(text) > 4096 || json.Unmarshal([]byte(text), &all) != nil || strings.Contains(text, `\`) {
			return
		}
		want, there := all["usage"]
		if strings.Count(text, "[")+strings.Count(text, "{") > maxDepth/2 || strings.Count(text, `"usage"`) > 1 {
			return
		}
		if ok != there || ok && strings.TrimSpace(got) != strings.TrimSpace(string(want)) {
			t.Fatalf("member %q %v, want %q %v", got, ok, want, there)
		}
	})
}
