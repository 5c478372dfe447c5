package span

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEqualArgumentsHaveOneHash(t *testing.T) {
	for _, same := range [][]string{
		{`{"a":1,"b":[1,2]}`, ` { "b" : [ 1 , 2 ] , "a" : 1 } `, `{"a":1.0,"b":[1e0,2]}`},
		{`{"q":"é\n"}`, `{"q":"\u00e9\u000a"}`},
		{`"x"`, `"\u0078"`},
		{`{"a":{"b":{},"c":null}}`, `{"a":{"c":null,"b":{}}}`},
		{`"😀"`, `"\ud83d\ude00"`},
		{`[0]`, `[-0]`, `[0.0]`},
		{`plain text`, `  plain text `},
	} {
		for _, other := range same[1:] {
			require.Equal(t, hashArguments(StringOf(same[0])), hashArguments(JSONOf(other)), other)
		}
	}
}

func TestDifferentArgumentsHaveDifferentHashes(t *testing.T) {
	seen := make(map[uint64]string)
	for _, text := range []string{
		``, `{}`, `[]`, `null`, `0`, `false`, `""`, `"0"`, `"null"`, `[[]]`, `[null]`, `{"a":1}`, `{"a":2}`, `{"b":1}`, `{"a":"1"}`,
		`{"a":1,"b":2}`, `{"a":2,"b":1}`, `[1,2]`, `[2,1]`, `[1,[2]]`, `[[1],2]`, `{"a":[1,2]}`, `{"a":[2,1]}`, `9007199254740993`,
		`9007199254740992`, `{"a":{"b":1}}`, `{"b":{"a":1}}`, `{`, `{"a":}`, `{"a":1,}`, `[1,]`, `{"a" 1}`, `{a:1}`, `tru`, `1x`, `--1`, `"\x"`,
	} {
		h := hashArguments(StringOf(text))
		require.NotZero(t, h)
		require.Empty(t, seen[h], "%s", text)
		seen[h] = text + " "
	}
	require.NotEqual(t, hashArguments(IntOf(1)), hashArguments(BoolOf(true)))
}

func TestDeepAndLongArgumentsAreHashedAsTheyAre(t *testing.T) {
	deep := func(n int, space string) string { return strings.Repeat("["+space, n) + strings.Repeat("]", n) }
	require.Equal(t, hashArguments(StringOf(deep(maxDepth, ""))), hashArguments(StringOf(deep(maxDepth, " "))))
	require.NotEqual(t, hashArguments(StringOf(deep(1000, ""))), hashArguments(StringOf(deep(1000, " "))))
	long := `["` + strings.Repeat("x", maxArguments) + `"]`
	require.NotEqual(t, hashArguments(StringOf(long)), hashArguments(StringOf(" "+strings.Replace(long, `"]`, `" ]`, 1))))
}

func TestMembersAreFoundInPlace(t *testing.T) {
	text := ` {"skip": {"usage": 1, "s": "}\"{"}, "list": [1, {"usage": 2}], "usage" : { "inputTokens": 12, "name": "n" } , "late": tru } `
	usage, ok := member(text, "usage")
	require.True(t, ok)
	n, ok := countMember(usage, "inputTokens")
	require.True(t, ok)
	require.EqualValues(t, 12, n)
	require.Equal(t, "n", textMember(usage, "name"))
	for _, broken := range []string{
		"", "[]", "{", `{"usage"`, `{"usage":`, `{"usage":}`, `{"a":[}, "usage":1}`, `{"a":1 "usage":2}`, `{"a`, `{"a":"\`, "{]", `{"usages":1}`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"usage":1}`,
		`{"usage":` + strings.Repeat(" ", maxText) + `1}`,
	} {
		_, ok := member(broken, "usage")
		require.False(t, ok, broken[:min(len(broken), 40)])
	}
	require.Empty(t, textMember(`{"a":"x\ny"}`, "a"), "escapes are for others")
	_, ok = countMember(`{"a":-1}`, "a")
	require.False(t, ok)
	_, ok = countMember(`{"a":1e999}`, "a")
	require.False(t, ok)
}
