package agentprocess

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestSecretsAreMasked(t *testing.T) {
	for line, want := range map[string]string{
		// Named.
		"srv --token=abc":                            "srv --token=***",
		"srv --token abc next":                       "srv --token *** next",
		"srv -token abc":                             "srv -token ***",
		"srv --api-key sk --verbose":                 "srv --api-key *** --verbose",
		"srv --openai_api_key='a b' x":               "srv --openai_api_key=*** x",
		`srv --password="a \" b" x`:                  "srv --password=*** x",
		"srv --db.password=a":                        "srv --db.password=***",
		"srv --clientSecret=a":                       "srv --clientSecret=***",
		"docker run -e OPENAI_API_KEY=abc mcp/x":     "docker run -e OPENAI_API_KEY=*** mcp/x",
		"env SSH_KEY=abc PGPASSWORD=x run":           "env SSH_KEY=*** PGPASSWORD=*** run",
		"curl -H Authorization: Bearer abc.def http": "curl -H Authorization: *** *** http",
		`curl -H "X-Api-Key: abc" http`:              `curl -H "X-Api-Key: ***" http`,
		`x --json {"token":"abc","n":1}`:             `x --json {"token":***,"n":1}`,
		"curl https://h/p?access_token=abc&b=c":      "curl https://h/p?access_token=***&b=c",
		"curl -u user:pw http://h":                   "curl -u user:*** http://h",
		"x --header Cookie=sid=1;b":                  "x --header Cookie=***;b",
		// By form.
		"psql postgres://bob:pw@db:5432/x":             "psql postgres://***@db:5432/x",
		"psql postgres://bob:p@w@db/x":                 "psql postgres://***@db/x",
		"git clone https://ghtoken@github.com/a/b":     "git clone https://***@github.com/a/b",
		"x Bearer abc":                                 "x Bearer ***",
		"x ghp_0123456789abcdefghij":                   "x ***",
		"x sk-ant-api03-abcdefghijklmn":                "x ***",
		"x eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_d": "x ***",
		"x " + secret:                                  "x ***",
		"x --flag=" + secret + ",b":                    "x --flag=***,b",
		"x 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b":   "x ***",
		"x dGhpcyBpcyBhIHNlY3JldCBrZXkh0123==":         "x ***",
		// Not secrets.
		"node /root/.npm/_npx/15c61037b1978c83/node_modules/.bin/mcp-server-filesystem /tmp":    "node /root/.npm/_npx/15c61037b1978c83/node_modules/.bin/mcp-server-filesystem /tmp",
		"npm exec @modelcontextprotocol/server-filesystem /home/u/2025-11-22-project-report-v2": "npm exec @modelcontextprotocol/server-filesystem /home/u/2025-11-22-project-report-v2",
		"python3 -m research_agent --fast --path=/tmp --tokenizer gpt":                          "python3 -m research_agent --fast --path=/tmp --tokenizer gpt",
		"x --session 123e4567-e89b-12d3-a456-426614174000":                                      "x --session 123e4567-e89b-12d3-a456-426614174000",
		"x86_64-linux-gnu-gcc-12 -o out keyboard.c":                                             "x86_64-linux-gnu-gcc-12 -o out keyboard.c",
		"curl http://localhost:8080/a?b=c":                                                      "curl http://localhost:8080/a?b=c",
		"":                                                                                      "",
		"a\xffb":                                                                                "a�b",
	} {
		require.Equal(t, want, mask(line), "%q", line)
	}
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{"abc", "a b", "\"a", "'a b'", "a&b", secret, "\xff", "://@", "Bearer x", "%3D", "***"} {
		f.Add("prog --verbose", s)
	}
	f.Fuzz(func(t *testing.T, before, value string) {
		masked := mask(before + " --api-key=" + value)
		require.True(t, utf8.ValidString(masked))
		// A long value that is one word is nowhere in the rest.
		word := !strings.ContainsAny(value, " \t\r\n\v\f&;\"'\\") && utf8.ValidString(value) && utf8.RuneCountInString(value) > 3
		if word && !strings.Contains(before, value) && !strings.Contains(mask(before+" --api-key="), value) {
			require.NotContains(t, masked, value)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	line := "node /root/.npm/_npx/15c61037b1978c83/node_modules/.bin/mcp-server-postgres postgres://bob:pw@db:5432/x --api-key=abc"
	b.ReportAllocs()
	for b.Loop() {
		mask(line)
	}
}
