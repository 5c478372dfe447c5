// Package tracelink builds the address of a trace in the web page of Jaeger, so
// that a person who reads an event or looks at a span gets to the trace with one
// click. Every component with a setting for that page uses it, so that all links
// to a trace are the same text.
//
// It opens no connection: whether the page is there is not its concern.
package tracelink

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Attribute is the key under which spans and events carry a link.
const Attribute = "watchkeeper.trace.url"

// Page is the web page of a Jaeger. The zero value is no page and links to
// nothing. It is safe for concurrent use.
type Page struct{ base string }

// Parse reads the address of the page as a person would type it into a browser,
// such as "http://localhost:16686" or "https://example.com/jaeger": scheme, host
// and, when Jaeger serves its page below a base path, that path. An empty address
// is no page. A user, a query or a fragment is refused, because links are shown to
// everybody who may see an event.
func Parse(address string) (Page, error) {
	if address == "" {
		return Page{}, nil
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		// The error of the parser repeats the address, which may hold a password.
		return Page{}, errors.New("must be a URL such as http://localhost:16686")
	case u.User != nil:
		return Page{}, errors.New("must not hold a user or a password")
	case u.Scheme != "http" && u.Scheme != "https":
		return Page{}, fmt.Errorf("%q must begin with http:// or https://", address)
	case u.Hostname() == "":
		return Page{}, fmt.Errorf("%q must name a host", address)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#"):
		return Page{}, fmt.Errorf("%q must end before the query", address)
	}
	return Page{base: strings.TrimRight(u.String(), "/") + "/trace/"}, nil
}

// URL returns the address of a trace with one span sought out. An all-zero span
// means the trace as a whole. It returns "" for an all-zero trace, which OTLP says
// is no trace, and for the zero Page.
//
// The form is the one of Jaeger's own page: the id of the trace in lower-case
// hexadecimal, and the span in the parameter of its search field, uiFind.
func (p Page) URL(trace [16]byte, span [8]byte) string {
	if p.base == "" || trace == [16]byte{} {
		return ""
	}
	const find = "?uiFind="
	address := make([]byte, 0, len(p.base)+32+len(find)+16)
	address = append(address, p.base...)
	address = hex.AppendEncode(address, trace[:])
	if span != [8]byte{} {
		address = append(address, find...)
		address = hex.AppendEncode(address, span[:])
	}
	return string(address)
}
