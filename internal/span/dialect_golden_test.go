package span

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The files of testdata/dialects hold spans as emitters are known to write them,
// where there is no capture. A span is
//
//	span NAME
//	  @scope, @kind, @status, @service, @parent, @exception  WORD
//	  KEY  VALUE as JSON; lists and maps too
//	  event NAME KEY VALUE
//	=> what it means
//
// and a line that begins with # is a remark. -update writes the last line anew.

func TestEveryDialectIsUnderstoodAsReviewed(t *testing.T) {
	files, err := filepath.Glob("testdata/dialects/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			requireGolden(t, file, interpret(t, file))
		})
	}
}

func TestEveryDialectHasItsGoldenFile(t *testing.T) {
	captured := map[string]bool{"traceloop": true, "vercel": true, "genkit": true, "mastra": true, "strands": true, "openinference": true}
	for _, d := range allDialects {
		if captured[d.name] {
			continue
		}
		_, err := os.Stat(filepath.Join("testdata", "dialects", d.name+".txt"))
		require.NoError(t, err, "dialect %s", d.name)
	}
}

// interpret reads a file of spans and writes it again with what they mean.
func interpret(t *testing.T, file string) string {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	var (
		b    strings.Builder
		s    Span
		open bool
	)
	finish := func() {
		if open {
			m := Classify(&s)
			b.WriteString("=> " + line(s.Name, &m) + "\n")
		}
		open = false
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		text := lines.Text()
		word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
		switch {
		case strings.HasPrefix(text, "=>"):
			continue
		case strings.HasPrefix(text, "span "):
			finish()
			s.Reset()
			s.Name, open = rest, true
		case word == "" || strings.HasPrefix(word, "#"):
			finish()
		case strings.HasPrefix(word, "@"):
			setMember(t, &s, word, strings.TrimSpace(rest))
		case word == "event":
			parts := strings.SplitN(rest, " ", 3)
			require.Len(t, parts, 3, text)
			require.True(t, s.SetEvent(parts[0], parts[1], valueFrom(t, parts[2])), text)
		default:
			s.Set(word, valueFrom(t, rest))
		}
		b.WriteString(text + "\n")
	}
	require.NoError(t, lines.Err())
	finish()
	return b.String()
}

func setMember(t *testing.T, s *Span, word, value string) {
	switch word {
	case "@scope":
		s.Scope = value
	case "@service":
		s.Service = value
	case "@exception":
		s.Exception = value
	case "@parent":
		s.ParentID = ID{1}
	case "@kind":
		kind, ok := map[string]Kind{
			"internal": KindInternal, "server": KindServer, "client": KindClient, "producer": KindProducer, "consumer": KindConsumer,
		}[value]
		require.True(t, ok, value)
		s.Kind = kind
	case "@status":
		status, ok := map[string]Status{"ok": StatusOK, "error": StatusError}[value]
		require.True(t, ok, value)
		s.Status = status
	default:
		require.Fail(t, "no such member", word)
	}
}

func valueFrom(t *testing.T, text string) Value {
	text = strings.TrimSpace(text)
	var v any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&v), text)
	switch v := v.(type) {
	case string:
		return StringOf(v)
	case bool:
		return BoolOf(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return IntOf(n)
		}
		f, err := v.Float64()
		require.NoError(t, err, text)
		return FloatOf(f)
	}
	return JSONOf(text)
}
