// Package prometheus exposes OTLP metrics on a page that Prometheus scrapes. Its
// settings and the meaning of its output are those of the contrib exporter of the
// same name; the text comes from internal/expo.
package prometheus // import "github.com/watchkeeper/watchkeeper/exporters/prometheus"

//go:generate go tool mdatagen metadata.yaml
