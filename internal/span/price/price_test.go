package price

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/span"
)

func table(t testing.TB) *Table {
	prices, err := Default()
	require.NoError(t, err)
	return prices
}

func TestCostCountsEachTokenOnce(t *testing.T) {
	p := Price{Input: 2, Output: 10, CacheRead: 0.5, CacheWrite: 3}
	require.InDelta(t, 0, p.Cost(span.Tokens{}), 0)
	require.InDelta(t, (600*2+300*0.5+100*3+50*10)/1e6, p.Cost(span.Tokens{Input: 1000, CacheRead: 300, CacheWrite: 100, Output: 50, Reasoning: 40}), 1e-12)
	require.InDelta(t, 0.25, p.Cost(span.Tokens{CacheRead: 500_000}), 1e-12, "parts without a whole cost no less than nothing")
}

func TestModelsAreFoundByAllTheirNames(t *testing.T) {
	prices := table(t)
	mini := Price{0.15, 0.60, 0.075, 0.15}
	sonnet := Price{3, 15, 0.30, 3.75}
	flash := Price{0.30, 2.50, 0.03, 0.30}
	for _, c := range []struct {
		provider, model string
		price           Price
		status          Status
	}{
		{"openai", "gpt-4o-mini", mini, Exact},
		{"openai", "gpt-4o-mini-2024-07-18", mini, Alias},
		{"OpenAI", "GPT-4o-mini", mini, Alias},
		{"", "gpt-4o-mini", mini, Alias},
		{"", "openai/gpt-4o-mini", mini, Alias},
		{"openrouter", "openai/gpt-4o-mini-2024-07-18", mini, Alias},
		{"", "openrouter/openai/gpt-4o-mini", mini, Alias},
		{"azure.ai.openai", "gpt-4o-mini-2024-07-18", mini, Alias},
		{"", "azure/gpt-4o-mini", mini, Alias},
		{"azure.ai.openai", "gpt-35-turbo", Price{0.5, 1.5, 0.5, 0.5}, Alias},
		{"anthropic", "claude-sonnet-4-5-20250929", sonnet, Alias},
		{"anthropic", "claude-3-7-sonnet-latest", sonnet, Alias},
		{"aws.bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", sonnet, Alias},
		{"aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", sonnet, Alias},
		{"aws.bedrock", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", sonnet, Alias},
		{"gcp.vertex_ai", "claude-sonnet-4-5@20250929", sonnet, Alias},
		{"gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash", flash, Alias},
		{"gcp.gen_ai", "models/gemini-2.5-flash", flash, Alias},
		{"gcp.gemini", "gemini-2.5-flash", flash, Exact},
		{"gcp.gemini", "gemini-2.0-flash-001", Price{0.1, 0.4, 0.1, 0.1}, Alias},
		{"openai", "text-embedding-3-small", Price{0.02, 0, 0.02, 0.02}, Exact},
		{"openai", "gpt-4o-2024-05-13", Price{5, 15, 5, 5}, Exact},
		{"openai", "gpt-4o-2024-08-06", Price{2.5, 10, 1.25, 2.5}, Alias},
		{"openai", "gpt-9", Price{}, Missing},
		{"openai", "", Price{}, Missing},
		{"", "", Price{}, Missing},
		{"groq", "gpt-4o-mini", Price{}, Missing},
		{"openai", "claude-sonnet-4-5", Price{}, Missing},
		{"openai", "ft:gpt-4o-mini-2024-07-18:acme::x", Price{}, Missing},
		{"openrouter", "openai/gpt-4o-mini:free", Price{}, Missing},
		{"gcp.gemini", "gemini-2.5-flash-preview-05-20", Price{}, Missing},
		{"openai", "gpt-4o-audio-preview", Price{}, Missing},
		{"openai", strings.Repeat("x", 10*maxName), Price{}, Missing},
	} {
		price, status := prices.Lookup(c.provider, c.model)
		require.Equal(t, c.status, status, "%s %s", c.provider, c.model)
		require.Equal(t, c.price, price, "%s %s", c.provider, c.model)
	}
}

func TestPricesHoldFromTheirDay(t *testing.T) {
	prices := table(t)
	for day, want := range map[string]float64{
		"2020-01-01": 0.20, "2026-09-29": 0.20, "2026-10-06": 0.20, "2026-10-07": 0.10, "2026-11-22": 0.10,
	} {
		at, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		price, status := prices.LookupAt("anthropic", "claude-sonnet-5-5", at)
		require.Equal(t, Exact, status)
		require.InDelta(t, want, price.CacheRead, 0, day)
	}
	price, _ := prices.Lookup("gcp.gemini", "gemini-3.6-flash")
	require.InDelta(t, 0.75, price.Input, 0, "next year's price does not hold yet")
	price, _ = prices.LookupAt("gcp.gemini", "gemini-3.6-flash", time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	require.InDelta(t, 1.5, price.Input, 0)
}

func TestTheEmbeddedTableIsSound(t *testing.T) {
	prices := table(t)
	require.Regexp(t, `^\d{4}-\d{2}-\d{2}$`, prices.Version())
	require.False(t, prices.date().IsZero())
	require.Greater(t, len(prices.rows), 60)
	for n, rows := range prices.rows {
		for _, r := range rows {
			require.Positive(t, r.price.Input, n)
			require.LessOrEqual(t, r.price.CacheRead, r.price.Input, n)
			require.GreaterOrEqual(t, r.price.CacheWrite, r.price.Input, n)
			require.True(t, r.price.Output >= r.price.Input || strings.Contains(n.model, "embed"), "%v", n)
		}
		_, status := prices.Lookup(n.provider, n.model)
		require.Equal(t, Exact, status)
	}
}

func TestAFileReplacesWhatItNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prices.csv")
	require.NoError(t, os.WriteFile(file, []byte(`# version: ours-3
provider,model,input,output,cache_read,cache_write,valid_from
openai,gpt-4o-mini,0.10,0.50,,,2026-01-01
acme,big-*,1,2,0.1,,2026-01-01
acme,big-and-dear-*,9,9,,,2026-01-01
`), 0o600))
	prices, err := Load(file)
	require.NoError(t, err)
	require.Equal(t, table(t).Version()+"+ours-3", prices.Version())
	price, status := prices.Lookup("openai", "gpt-4o-mini")
	require.Equal(t, Exact, status)
	require.Equal(t, Price{0.1, 0.5, 0.1, 0.1}, price)
	price, status = prices.Lookup("acme", "big-7b")
	require.Equal(t, Alias, status)
	require.Equal(t, Price{1, 2, 0.1, 1}, price)
	price, _ = prices.Lookup("acme", "big-and-dear-7b")
	require.InDelta(t, 9, price.Input, 0, "the longest pattern wins")
	_, status = prices.Lookup("openai", "gpt-4o")
	require.Equal(t, Exact, status, "the rest stays")
	price, _ = table(t).Lookup("openai", "gpt-4o-mini")
	require.InDelta(t, 0.15, price.Input, 0, "and so does the embedded table")

	same, err := Load("")
	require.NoError(t, err)
	require.Equal(t, table(t).Version(), same.Version())
	_, err = Load(filepath.Join(t.TempDir(), "none.csv"))
	require.ErrorContains(t, err, "opening the price table")
}

func TestErrorsTellTheLineAndTheRule(t *testing.T) {
	const first = "provider,model,input,output,cache_read,cache_write,valid_from\n"
	for text, want := range map[string]string{
		"":                                                  `line 1: the first line must be "provider,model,input,output,cache_read,cache_write,valid_from"`,
		"# x\nmodel,price\n":                                `line 2: the first line must be "provider,model,input,output,cache_read,cache_write,valid_from"`,
		first + "a,b,1,2\n":                                 `line 2: 4 values: must be 7`,
		first + ",b,1,2,,,2026-01-01\n":                     `line 2: provider: must not be empty`,
		first + "a,*,1,2,,,2026-01-01\n":                    `line 2: model "*": must have 1 to 256 bytes, and more than a star`,
		first + "a,b*c,1,2,,,2026-01-01\n":                  `line 2: model "b*c": a star may only stand at the end`,
		first + "a,b,,2,,,2026-01-01\n":                     `line 2: input "": must be a number from 0 to 1e+06, in US dollars per million tokens`,
		first + "a,b,1,-2,,,2026-01-01\n":                   `line 2: output "-2": must be a number from 0 to 1e+06, in US dollars per million tokens`,
		first + "a,b,1,2,NaN,,2026-01-01\n":                 `line 2: cache_read "NaN": must be a number from 0 to 1e+06, in US dollars per million tokens`,
		first + "a,b,1,2,,Inf,2026-01-01\n":                 `line 2: cache_write "Inf": must be a number from 0 to 1e+06, in US dollars per million tokens`,
		first + "\n# x\na,b,1,2,,,yesterday\n":              `line 4: valid_from "yesterday": must be a date like 2006-01-02`,
		first + strings.Repeat("a,b,1,2,,,2026-01-01\n", 2): `line 3: a b from 2026-01-01: is there already`,
		first + "a,\"b,1\n":                                 `parse error on line 2, column 8: extraneous or missing " in quoted-field`,
		first + strings.Repeat(" ", maxFile):                `more than 4194304 bytes`,
	} {
		_, err := Read(strings.NewReader(text))
		require.EqualError(t, err, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(embedded)
	f.Add("# version: 1\nprovider,model,input,output,cache_read,cache_write,valid_from\na,b*,1,2,,,2026-01-01\n")
	f.Fuzz(func(t *testing.T, text string) {
		prices, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		prices.Lookup("a", "b")
		for n := range prices.rows {
			price, status := prices.Lookup(n.provider, n.model)
			if status != Exact {
				t.Fatalf("%v is not found", n)
			}
			if cost := price.Cost(span.Tokens{Input: 1 << 40, Output: 1 << 40}); !(cost >= 0) {
				t.Fatalf("%v costs %v", n, cost)
			}
		}
	})
}

func FuzzLookup(f *testing.F) {
	prices := table(f)
	f.Add("openai", "gpt-4o-mini-2024-07-18")
	f.Add("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	f.Add("", "a/b/c@d-v:")
	f.Fuzz(func(t *testing.T, provider, model string) {
		price, status := prices.Lookup(provider, model)
		if (status == Missing) != (price == Price{}) {
			t.Fatalf("%q %q: %v with %v", provider, model, status, price)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	prices := table(b)
	for name, model := range map[string]string{"exact": "gpt-4o-mini", "alias": "gpt-4o-mini-2024-07-18", "missing": "some-model"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				prices.Lookup("openai", model)
			}
		})
	}
}
