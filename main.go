// Command watchkeeper is an OpenTelemetry Collector for people who run fleets of
// AI agents. Without arguments it runs a configuration of its own that needs no
// other server and listens on this host only.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"
)

// version is set when the binary is linked; see the Makefile.
var version = "0.1.0-dev"

//go:embed configs/quickstart.yaml
var quickstart string

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "watchkeeper: "+oneLine(err))
		os.Exit(1)
	}
}

// run carries out one invocation; args are without the program's name.
func run(args []string, stderr io.Writer) error {
	set := settings()
	if len(args) == 0 {
		set.ConfigProviderSettings.ResolverSettings.URIs = []string{"yaml:" + quickstart}
		_, _ = io.WriteString(stderr, quickstartNotice())
	}
	root := otelcol.NewCommand(set)
	root.Short = set.BuildInfo.Description
	// The error is printed once, by main, in one line.
	root.SilenceErrors = true
	root.SetArgs(args)
	return root.Execute()
}

func settings() otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "watchkeeper",
			Description: "Watchkeeper, an OpenTelemetry Collector for fleets of AI agents",
			Version:     version,
		},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{
					envprovider.NewFactory(),
					fileprovider.NewFactory(),
					httpprovider.NewFactory(),
					yamlprovider.NewFactory(),
				},
				ConverterFactories: []confmap.ConverterFactory{
					confmap.NewConverterFactory(newLoopGuard),
				},
			},
		},
		// A stack trace under a failed bind or a wrong key hides the line that helps.
		LoggingOptions: []zap.Option{zap.AddStacktrace(zapcore.PanicLevel)},
	}
}

// quickstartNotice says, loudly, that nobody chose this configuration.
func quickstartNotice() string {
	return fmt.Sprintf(`watchkeeper: no --config was given: running the BUILT-IN QUICKSTART configuration.
watchkeeper: it watches this host and its agent processes, and listens on localhost only.
watchkeeper: send OTLP to %s (gRPC) or %s (HTTP); see what it says with: curl http://%s/metrics
watchkeeper: print it with 'watchkeeper print-config'; for a real deployment start from configs/agent.yaml.
`,
		fromEnv("WATCHKEEPER_OTLP_GRPC_ENDPOINT", "localhost:4317"),
		fromEnv("WATCHKEEPER_OTLP_HTTP_ENDPOINT", "localhost:4318"),
		fromEnv("WATCHKEEPER_PROMETHEUS_ENDPOINT", "localhost:8889"))
}

// fromEnv follows the same rule as ${env:NAME:-otherwise} in the configuration.
func fromEnv(name, otherwise string) string {
	if v, ok := os.LookupEnv(name); ok {
		return v
	}
	return otherwise
}
