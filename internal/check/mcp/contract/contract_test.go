package contract

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func decoded(t testing.TB, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value), text)
	return value
}

// stored returns the contract as it comes back from storage.
func restored(t testing.TB, c Contract) Contract {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	var back Contract
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, c, back)
	return back
}

func TestChangesOfWhatAToolTakes(t *testing.T) {
	object := func(members string) string { return `{"type":"object",` + members + `}` }
	one := func(schema string) string { return object(`"properties":{"a":` + schema + `}`) }
	for name, test := range map[string]struct {
		was, is string
		// want is what breaks, "schema" for a change that breaks nothing, or nothing.
		want string
	}{
		"order of keys":               {`{"type":"object","title":"x"}`, `{"title":"x","type":"object"}`, ""},
		"title":                       {one(`{"title":"x"}`), one(`{"title":"y"}`), "schema"},
		"optional parameter":          {one(`{}`), object(`"properties":{"a":{},"b":{"type":"string"}}`), "schema"},
		"required parameter":          {one(`{}`), object(`"properties":{"a":{},"b":{}},"required":["b"]`), `parameter "b" is new and required`},
		"required, not described":     {object(`"title":"x"`), object(`"required":["b"]`), `parameter "b" is new and required`},
		"became required":             {one(`{}`), object(`"properties":{"a":{}},"required":["a"]`), `parameter "a" is now required`},
		"became optional":             {object(`"properties":{"a":{}},"required":["a"]`), one(`{}`), "schema"},
		"gone":                        {object(`"properties":{"a":{},"b":{}}`), one(`{}`), `parameter "b" is gone`},
		"other type":                  {one(`{"type":"string"}`), one(`{"type":"integer"}`), `parameter "a" takes other types or values`},
		"more types":                  {one(`{"type":"string"}`), one(`{"type":["string","null"]}`), "schema"},
		"fewer types":                 {one(`{"type":["string","null"]}`), one(`{"type":"string"}`), `parameter "a" takes other types or values`},
		"same types in anyOf":         {one(`{"type":["string","null"]}`), one(`{"anyOf":[{"type":"null"},{"type":"string"}]}`), "schema"},
		"integer to number":           {one(`{"type":"integer"}`), one(`{"type":"number"}`), "schema"},
		"number to integer":           {one(`{"type":"number"}`), one(`{"type":"integer"}`), `parameter "a" takes other types or values`},
		"any type":                    {one(`{"type":"integer"}`), one(`true`), "schema"},
		"no type":                     {one(`{"type":"integer"}`), one(`false`), `parameter "a" takes other types or values`},
		"more values":                 {one(`{"enum":["x"]}`), one(`{"enum":["x","y"]}`), "schema"},
		"fewer values":                {one(`{"enum":["x","y"]}`), one(`{"enum":["x"]}`), `parameter "a" takes other types or values`},
		"values to type":              {one(`{"enum":["x",1,null]}`), one(`{"type":["string","number","null"]}`), "schema"},
		"type to value":               {one(`{"type":"string"}`), one(`{"const":"x"}`), `parameter "a" takes other types or values`},
		"values of other types":       {one(`{"enum":[1,1.5,true,[1],{"a":1}]}`), one(`{"type":["integer","boolean","array","object"]}`), `parameter "a" takes other types or values`},
		"nested":                      {one(one(`{"type":"string"}`)), one(one(`{"type":"null"}`)), `parameter "a.a" takes other types or values`},
		"required in what was there":  {one(one(`{}`)), one(object(`"properties":{"a":{},"b":{}},"required":["b"]`)), `parameter "a.b" is new and required`},
		"required in what is new":     {object(`"title":"x"`), one(object(`"required":["b"]`)), "schema"},
		"element":                     {one(`{"type":"array","items":{"type":"string"}}`), one(`{"type":"array","items":{"type":"number"}}`), `parameter "a[]" takes other types or values`},
		"required in an element":      {one(`{"items":{"type":"object"}}`), one(`{"items":{"type":"object","required":["x"]}}`), `parameter "a[].x" is new and required`},
		"in allOf":                    {object(`"allOf":[` + one(`{"type":"string"}`) + `]`), object(`"allOf":[` + one(`{"type":"null"}`) + `]`), `parameter "a" takes other types or values`},
		"in a definition":             {object(`"$defs":{"P":` + one(`{"type":"string"}`) + `}`), object(`"$defs":{"P":` + one(`{"type":"null"}`) + `}`), `parameter "#/$defs/P.a" takes other types or values`},
		"another definition":          {one(`{"$ref":"#/$defs/P"}`), one(`{"$ref":"#/$defs/Q"}`), `parameter "a" takes other types or values`},
		"alternative that is complex": {one(`{"oneOf":[` + one(`{}`) + `,{"type":"null"}]}`), one(`{"oneOf":[` + one(`true`) + `,{"type":"null"}]}`), `parameter "a" takes other types or values`},
		"another type altogether":     {`{"type":"object"}`, `{"type":"array"}`, "the parameters are of another type"},
		"no schema":                   {`{"type":"object"}`, ``, "the parameters are no longer described"},
		"a schema at last":            {``, `{"type":"object"}`, "schema"},
		"a schema that requires":      {``, object(`"required":["a"]`), `parameter "a" is new and required`},
		"nonsense":                    {`{"type":7,"properties":[],"required":"a","enum":{},"allOf":{},"$ref":1}`, `{"type":"object","required":[1,"a","a"]}`, `parameter "a" is new and required`},
	} {
		t.Run(name, func(t *testing.T) {
			was := restored(t, Of([]Tool{{Name: "tool", Input: decoded(t, test.was)}}))
			d := was.Diff(Of([]Tool{{Name: "tool", Input: decoded(t, test.is)}}))
			switch test.want {
			case "":
				require.True(t, d.Empty(), "%v", d)
			case "schema":
				require.Equal(t, Difference{Schema: []string{"tool"}}, d)
			default:
				require.Equal(t, Difference{Breaking: []string{"tool"}, Breaks: []string{test.want}}, d)
			}
		})
	}
}

func TestChangesOfWhatAToolReturns(t *testing.T) {
	one := func(schema string) string { return `{"type":"object","properties":{"a":` + schema + `}}` }
	for name, test := range map[string]struct{ was, is, want string }{
		"described at last":  {``, one(`{}`), "schema"},
		"no schema":          {one(`{}`), ``, "the answer is no longer described"},
		"more properties":    {one(`{}`), `{"type":"object","properties":{"a":{},"b":{}},"required":["b"]}`, "schema"},
		"gone":               {one(`{}`), `{"type":"object"}`, `property "a" of the answer is gone`},
		"no longer required": {`{"type":"object","properties":{"a":{}},"required":["a"]}`, one(`{}`), `property "a" of the answer may be missing`},
		"always there":       {one(`{}`), `{"type":"object","properties":{"a":{}},"required":["a"]}`, "schema"},
		"more types":         {one(`{"type":"string"}`), one(`{"type":["string","null"]}`), `property "a" of the answer has other types or values`},
		"fewer types":        {one(`{"type":["string","null"]}`), one(`{"type":"string"}`), "schema"},
		"more values":        {one(`{"enum":["x"]}`), one(`{"enum":["x","y"]}`), `property "a" of the answer has other types or values`},
		"another type":       {one(`{}`), `{"type":"array","properties":{"a":{}}}`, "the answer is of another type"},
	} {
		t.Run(name, func(t *testing.T) {
			was := restored(t, Of([]Tool{{Name: "tool", Output: decoded(t, test.was)}}))
			d := was.Diff(Of([]Tool{{Name: "tool", Output: decoded(t, test.is)}}))
			if test.want == "schema" {
				require.Equal(t, Difference{Schema: []string{"tool"}}, d)
			} else {
				require.Equal(t, Difference{Breaking: []string{"tool"}, Breaks: []string{test.want}}, d)
			}
		})
	}
}

func TestToolsThatComeGoAndAreDescribedOtherwise(t *testing.T) {
	was := Of([]Tool{{Name: "b"}, {Name: "a"}, {Name: "same"}, {Name: "words", Description: "x"}, {Name: "both", Description: "x", Input: true}})
	is := Of([]Tool{{Name: "words", Description: "y"}, {Name: "d"}, {Name: "same"}, {Name: "c"}, {Name: "both", Description: "y", Input: false}})
	require.Equal(t, Difference{
		Added: []string{"c", "d"}, Removed: []string{"a", "b"}, Description: []string{"both", "words"},
		Breaking: []string{"both"}, Breaks: []string{"the parameters are of another type"},
	}, was.Diff(is))
	require.True(t, was.Diff(was).Empty())
}

func TestDigestStandsForTheWholeContractInAnyOrder(t *testing.T) {
	a, b := Tool{Name: "a", Description: "x"}, Tool{Name: "b", Input: map[string]any{"type": "object"}}
	digest := Of([]Tool{a, b}).Digest()
	require.True(t, IsDigest(digest), digest)
	require.Equal(t, digest, Of([]Tool{b, a}).Digest())
	require.Equal(t, digest, Of([]Tool{b, a}).Hashes().Digest())
	seen := map[string]bool{digest: true}
	for _, tools := range [][]Tool{
		{}, {a}, {b}, {a, b, a}, {{Name: "a", Description: "y"}, b}, {{Name: "a", Description: "x", Output: true}, b},
		{{Name: "a", Description: "x", Input: true}, b},
	} {
		digest := Of(tools).Digest()
		require.False(t, seen[digest], "%v", tools)
		seen[digest] = true
	}
	require.Equal(t, Of(nil).Digest(), Contract{}.Digest())
	for _, text := range []string{"", strings.Repeat("g", 32), strings.Repeat("a", 31), strings.Repeat("A", 32)} {
		require.False(t, IsDigest(text))
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	members := map[string]any{}
	for i := range 1000 {
		members[fmt.Sprintf("%0300d", i)] = map[string]any{"enum": []any{strings.Repeat("x", 1000)}}
	}
	var deep any = map[string]any{"type": "string"}
	for range 100 {
		deep = map[string]any{"type": "object", "properties": map[string]any{"a": deep}}
	}
	c := Of([]Tool{
		{Name: strings.Repeat("n", 1000), Description: strings.Repeat("d", 1000), Input: map[string]any{"properties": members}, Output: deep},
		{Name: strings.Repeat("n", 1000)}, {Name: "tool"}, {Name: "tool"},
	})
	require.Equal(t, 4, c.Len())
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.Less(t, len(text), maxProperties*(maxPath+maxType+40)+4*300+maxLevels*200)

	delete(members, fmt.Sprintf("%0300d", 999))
	d := c.Diff(Of([]Tool{
		{Name: strings.Repeat("n", 1000), Description: strings.Repeat("d", 1000), Input: map[string]any{"properties": members}, Output: deep},
		{Name: strings.Repeat("n", 1000)}, {Name: "tool"}, {Name: "tool"},
	}))
	require.Len(t, d.Schema, 1, "what is beyond the bounds is known to differ, not how")
	require.Empty(t, d.Breaking)
}

func FuzzDiff(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"enum":[1]}},"required":["a"]}`, `{"$defs":{"P":{"allOf":[{"items":true}]}}}`)
	f.Add(`{"anyOf":[{"type":["null"]},false]}`, `7`)
	f.Fuzz(func(t *testing.T, was, is string) {
		var before, after any
		if json.Unmarshal([]byte(was), &before) != nil || json.Unmarshal([]byte(is), &after) != nil {
			return
		}
		a := restored(t, Of([]Tool{{Name: was, Input: before, Output: after}}))
		b := restored(t, Of([]Tool{{Name: was, Input: after, Output: before}}))
		require.True(t, a.Diff(a).Empty())
		require.Equal(t, a.Digest() == b.Digest(), a.Diff(b).Empty())
		require.Equal(t, len(a.Diff(b).Breaking), len(a.Diff(b).Breaks))
		a.Hashes().Diff(b)
	})
}

func BenchmarkOf(b *testing.B) {
	var tools []Tool
	schema := decoded(b, `{"type":"object","properties":{"path":{"type":"string","description":"where"},"limit":{"type":["integer","null"]},`+
		`"sort":{"enum":["asc","desc"]},"filter":{"type":"object","properties":{"tags":{"type":"array","items":{"type":"string"}}}}},"required":["path"]}`)
	for i := range 100 {
		tools = append(tools, Tool{Name: fmt.Sprint("tool", i), Description: "does something", Input: schema})
	}
	b.ReportAllocs()
	for b.Loop() {
		Of(tools)
	}
}
