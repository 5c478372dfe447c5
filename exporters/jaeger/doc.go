// Package jaeger ships traces to Jaeger over OTLP/gRPC: with a queue that can
// live on disk, retries, TLS, and a choice between every trace and only those
// that agents took part in.
package jaeger // import "github.com/watchkeeper/watchkeeper/exporters/jaeger"

//go:generate go tool mdatagen metadata.yaml
