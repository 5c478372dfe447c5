// Package expo keeps the latest value of every series and writes them in the
// formats that Prometheus reads: its text format 0.0.4, OpenMetrics 1.0 and its
// protocol buffers, the latter with native histograms.
//
// Updates and scrapes meet in a [Store]. The series of a family lie in pages,
// sorted by their labels. A page keeps what was last written of it, once for each
// format that was asked for: a line of a series is written again only where its
// value has changed, a page in which nothing has changed is copied as it is, and
// its compressed form is kept too.
//
// A scrape walks an index that it reads atomically, and takes what a page has
// ready. Only where a page has changed does it hold that page's own lock, while
// it writes the few changed lines; the lock of the store it never waits for. It
// keeps one page at a time and one buffer, so that a client that stops reading
// costs these, not a copy of everything. In return the pages of one scrape
// may be some milliseconds apart; the lines of one series never are.
//
// The text of a page lies in a room: memory that is counted in and out, so that a
// page that is written anew takes the room that another has left, and a scrape
// makes next to no garbage. On Linux large rooms are outside of Go's heap. They
// are given back when nothing leads to them, as garbage is.
//
// Whatever is put in, what comes out can be parsed: each family has one HELP and
// one TYPE line, no line appears twice, label names that the format reserves are
// renamed, and text is escaped and made valid UTF-8. What this package leaves to
// its callers: where the values come from, how names are translated, and HTTP.
//
// The formats are described at
// https://prometheus.io/docs/instrumenting/exposition_formats/,
// https://prometheus.io/docs/specs/om/open_metrics_spec/ and
// https://prometheus.io/docs/specs/native_histograms/.
package expo
