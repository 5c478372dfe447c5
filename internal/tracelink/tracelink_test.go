package tracelink

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	trace = [16]byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}
	span  = [8]byte{0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7}
)

func TestALinkLeadsToTheSpanInItsTrace(t *testing.T) {
	for address, want := range map[string]string{
		"http://localhost:16686":       "http://localhost:16686/trace/0af7651916cd43dd8448eb211c80319c?uiFind=00f067aa0ba902b7",
		"http://localhost:16686/":      "http://localhost:16686/trace/0af7651916cd43dd8448eb211c80319c?uiFind=00f067aa0ba902b7",
		"https://example.com/jaeger//": "https://example.com/jaeger/trace/0af7651916cd43dd8448eb211c80319c?uiFind=00f067aa0ba902b7",
		"HTTP://[::1]:16686":           "http://[::1]:16686/trace/0af7651916cd43dd8448eb211c80319c?uiFind=00f067aa0ba902b7",
	} {
		page, err := Parse(address)
		require.NoError(t, err, address)
		require.Equal(t, want, page.URL(trace, span))
	}
}

func TestWithoutASpanTheLinkLeadsToTheTrace(t *testing.T) {
	page, err := Parse("http://localhost:16686")
	require.NoError(t, err)
	require.Equal(t, "http://localhost:16686/trace/0af7651916cd43dd8448eb211c80319c", page.URL(trace, [8]byte{}))
}

func TestThereIsNoLinkToNothing(t *testing.T) {
	page, err := Parse("")
	require.NoError(t, err)
	require.Empty(t, page.URL(trace, span), "without a page")

	page, err = Parse("http://localhost:16686")
	require.NoError(t, err)
	require.Empty(t, page.URL([16]byte{}, span), "without a trace")
}

func TestAnAddressThatIsNoPageIsRefused(t *testing.T) {
	for address, want := range map[string]string{
		"localhost:16686":                `"localhost:16686" must begin with http:// or https://`,
		"jaeger":                         `"jaeger" must begin with http:// or https://`,
		"ftp://jaeger":                   `"ftp://jaeger" must begin with http:// or https://`,
		"http://":                        `"http://" must name a host`,
		"http://:16686":                  `"http://:16686" must name a host`,
		"http://jaeger/search?service=x": `"http://jaeger/search?service=x" must end before the query`,
		"http://jaeger?":                 `"http://jaeger?" must end before the query`,
		"http://jaeger/#top":             `"http://jaeger/#top" must end before the query`,
		"http://jaeger/#":                `"http://jaeger/#" must end before the query`,
		"http://u:s3cr3t@jaeger":         "must not hold a user or a password",
		"http://u:s3cr3t@jaeger:port":    "must be a URL such as http://localhost:16686",
		"http://%zz":                     "must be a URL such as http://localhost:16686",
	} {
		_, err := Parse(address)
		require.EqualError(t, err, want)
	}
}

// FuzzParse: whatever address is taken for a page, a link to it is a URL of the
// same host that ends with the ids.
func FuzzParse(f *testing.F) {
	for _, address := range []string{"", "http://localhost:16686", "https://example.com/jaeger/", "http://u@h", "http://h?q#f"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		page, err := Parse(address)
		if err != nil || address == "" {
			require.Equal(t, Page{}, page)
			return
		}
		given, err := url.Parse(address)
		require.NoError(t, err)
		link := page.URL(trace, span)
		require.True(t, strings.HasSuffix(link, "/trace/0af7651916cd43dd8448eb211c80319c?uiFind=00f067aa0ba902b7"), link)
		made, err := url.Parse(link)
		require.NoError(t, err)
		require.Equal(t, given.Host, made.Host)
		require.Equal(t, given.Scheme, made.Scheme)
	})
}

func BenchmarkURL(b *testing.B) {
	b.ReportAllocs()
	page, err := Parse("http://localhost:16686")
	require.NoError(b, err)
	for b.Loop() {
		if page.URL(trace, span) == "" {
			b.Fatal("no link")
		}
	}
}
