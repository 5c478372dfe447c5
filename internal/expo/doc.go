// Package expo keeps the latest value of every series and writes them in the
// Prometheus text exposition format, version 0.0.4.
//
// Updates and scrapes meet in a [Store]. A series is rendered once when it is
// opened and again only where its value changed; a family that did not change
// between two scrapes is not rendered at all. A scrape takes a [Snapshot], which
// is immutable, so that a slow client holds no lock.
//
// Whatever is put in, what comes out can be parsed: each family has one HELP and
// one TYPE line, no line appears twice, label names that the format reserves are
// renamed, and text is escaped and made valid UTF-8. What this package leaves to
// its callers: where the values come from, how names are translated, and HTTP.
//
// The format is described at
// https://prometheus.io/docs/instrumenting/exposition_formats/.
package expo
