// Command watchkeeper is an OpenTelemetry Collector for people who run fleets of
// AI agents. Without arguments it runs a configuration of its own that needs no
// other server and listens on this host only.
package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

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

// startTakes is after what time nothing is needed any more that only the start
// needs: components are up within a second.
const startTakes = 2 * time.Second

//go:embed configs/quickstart.yaml
var quickstart string

func main() {
	os.Exit(report(run(os.Args[1:], os.Stderr), os.Stderr))
}

// report tells an error in one line and returns the exit status for it.
func report(err error, stderr io.Writer) int {
	status := 1
	var wanted exit
	if errors.As(err, &wanted) {
		status, err = wanted.status, wanted.err
	} else if err == nil {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "watchkeeper: "+oneLine(err))
	}
	return status
}

// exit is an error with an exit status of its own. Without a cause the command has
// told all there is to tell.
type exit struct {
	status int
	err    error
}

func (e exit) Error() string { return fmt.Sprintf("exit status %d: %v", e.status, e.err) }

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
	root.AddCommand(newCheckCommand(set), newDoctorCommand(set))
	root.SetArgs(args)
	settled := time.AfterFunc(startTakes, func() {
		if err := releaseStart(); err != nil {
			_, _ = fmt.Fprintln(stderr, "watchkeeper: "+oneLine(err))
		}
	})
	defer settled.Stop()
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
watchkeeper: it is configs/quickstart.yaml of the source; for a real deployment start from configs/agent.yaml.
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
