// Package jaeger ships traces to Jaeger over OTLP, by gRPC or HTTP: with a queue
// that can live on disk, retries, TLS, authentication, a choice between every trace
// and only those that agents took part in, and links to Jaeger's page.
package jaeger // import "github.com/watchkeeper/watchkeeper/exporters/jaeger"

//go:generate go tool mdatagen metadata.yaml
