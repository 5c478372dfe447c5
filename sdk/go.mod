module github.com/watchkeeper/watchkeeper/sdk

go 1.26

require (
	github.com/a2aproject/a2a-go/v2 v2.2.0
	github.com/modelcontextprotocol/go-sdk v1.8.0
	go.opentelemetry.io/otel v1.44.0
	go.opentelemetry.io/otel/metric v1.44.0
	go.opentelemetry.io/otel/trace v1.44.0
)
