package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// finding is one line of `watchkeeper doctor`.
type finding struct {
	grade  grade
	what   string // the part that was looked at
	detail string // what was found and, unless it is well, what mends it
}

type grade string

const (
	fine grade = "ok"
	warn grade = "warn"
	fail grade = "fail"
)

func newDoctorCommand(set otelcol.CollectorSettings) *cobra.Command {
	var uris []string
	cmd := &cobra.Command{
		Use:   "doctor --config FILE",
		Short: "Looks for what would keep a configuration from working here",
		Long: `Looks at the configuration, the ports it listens on, the servers it sends to, the
folders it writes to, and the rights it has to see other processes; one line each. The
exit status is 1 if something would keep the collector from working.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := examine(cmd.Context(), set, uris)
			render(cmd.OutOrStdout(), findings)
			if slices.ContainsFunc(findings, func(f finding) bool { return f.grade == fail }) {
				return exit{status: 1}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&uris, "config", nil, "locations of the configuration, as for the collector; may be repeated")
	return cmd
}

func render(out io.Writer, findings []finding) {
	for _, f := range findings {
		_, _ = fmt.Fprintf(out, "%-4s  %s: %s\n", f.grade, f.what, f.detail)
	}
}

func examine(ctx context.Context, set otelcol.CollectorSettings, uris []string) []finding {
	if _, err := readConfiguration(ctx, set, uris); err != nil {
		return []finding{{fail, "configuration", oneLine(err)}}
	}
	findings := []finding{{fine, "configuration", "valid"}}
	whole, err := resolve(ctx, set, uris)
	if err != nil {
		return append(findings, finding{fail, "configuration", oneLine(err)})
	}
	findings = append(findings, listeners(ctx, whole)...)
	findings = append(findings, targets(ctx, whole)...)
	findings = append(findings, folders(whole)...)
	return append(findings, rights(whole)...)
}

// resolve returns the configuration as it is written, its variables filled in.
func resolve(ctx context.Context, set otelcol.CollectorSettings, uris []string) (map[string]any, error) {
	settings := set.ConfigProviderSettings.ResolverSettings
	settings.URIs, settings.DefaultScheme = uris, "env"
	resolver, err := confmap.NewResolver(settings)
	if err != nil {
		return nil, err
	}
	conf, err := resolver.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	return conf.ToStringMap(), resolver.Shutdown(ctx)
}

// address is an endpoint of the configuration and the keys that lead to it.
type address struct{ keys, endpoint string }

// addresses finds the values at keys below every component of one type. An
// asterisk stands for any key.
func addresses(whole map[string]any, kind, typ string, keys ...string) (found []address) {
	var walk func(at string, value any, keys []string)
	walk = func(at string, value any, keys []string) {
		if len(keys) == 0 {
			if endpoint, ok := value.(string); ok && endpoint != "" {
				found = append(found, address{at, endpoint})
			}
			return
		}
		m, _ := value.(map[string]any)
		for key, below := range m {
			if keys[0] == "*" || keys[0] == key {
				walk(at+"::"+key, below, keys[1:])
			}
		}
	}
	for id, settings := range ofType(section(whole, kind), typ) {
		walk(kind+"::"+id, settings, keys)
	}
	slices.SortFunc(found, func(a, b address) int { return strings.Compare(a.keys, b.keys) })
	return found
}

// listeners tries every address that the configuration listens on.
func listeners(ctx context.Context, whole map[string]any) (findings []finding) {
	for _, a := range slices.Concat(
		addresses(whole, "receivers", "otlp", "protocols", "*", "endpoint"),
		addresses(whole, "exporters", "prometheus", "endpoint"),
		addresses(whole, "extensions", "health_check", "endpoint"),
		addresses(whole, "extensions", "zpages", "endpoint"),
	) {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.endpoint)
		if err != nil {
			findings = append(findings, finding{fail, a.keys, oneLine(err) + ": end what listens there, or choose another address"})
			continue
		}
		_ = listener.Close()
		findings = append(findings, finding{fine, a.keys, a.endpoint + " is free"})
	}
	return findings
}

// targets tries to reach every server that the configuration sends to. One that is
// away may come back: the queue waits for it.
func targets(ctx context.Context, whole map[string]any) (findings []finding) {
	for _, a := range slices.Concat(
		addresses(whole, "exporters", "jaeger", "endpoint"),
		addresses(whole, "exporters", "otlp_grpc", "endpoint"),
	) {
		dialer := net.Dialer{Timeout: 3 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", a.endpoint)
		if err != nil {
			findings = append(findings, finding{warn, a.keys, oneLine(err) + ": what is sent there waits in the queue"})
			continue
		}
		_ = conn.Close()
		findings = append(findings, finding{fine, a.keys, a.endpoint + " answers"})
	}
	return findings
}

// folders tries to write where the configuration keeps its state.
func folders(whole map[string]any) (findings []finding) {
	for _, a := range slices.Concat(
		addresses(whole, "extensions", "file_storage", "directory"),
		addresses(whole, "exporters", "file", "path"),
	) {
		dir := a.endpoint
		if strings.HasSuffix(a.keys, "::path") {
			dir = filepath.Dir(dir)
		}
		findings = append(findings, writable(a.keys, dir))
	}
	return findings
}

// writable looks at the nearest folder that exists, because the collector makes
// the rest, and leaves nothing behind.
func writable(keys, dir string) finding {
	for {
		file, err := os.CreateTemp(dir, ".watchkeeper-doctor-*")
		switch {
		case err == nil:
			_ = file.Close()
			_ = os.Remove(file.Name())
			return finding{fine, keys, dir + " can be written to"}
		case os.IsNotExist(err) && dir != filepath.Dir(dir):
			dir = filepath.Dir(dir)
		default:
			return finding{fail, keys, oneLine(err) + ": give the collector's user the right to write there"}
		}
	}
}

// rights says which parts of other processes cannot be seen.
func rights(whole map[string]any) (findings []finding) {
	for id, settings := range ofType(section(whole, "receivers"), "agent_process") {
		root, _ := settings["root_path"].(string)
		if root == "" {
			root = "/"
		}
		missing := proctable.Diagnose(root)
		for _, m := range missing {
			findings = append(findings, finding{warn, "receivers::" + id, m.String()})
		}
		if len(missing) == 0 {
			findings = append(findings, finding{fine, "receivers::" + id, "every process can be seen whole"})
		}
	}
	return findings
}
