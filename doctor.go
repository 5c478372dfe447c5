package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/otelcol"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agenthealth"
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
	cfg, err := readConfiguration(ctx, set, uris)
	if err != nil {
		return []finding{{fail, "configuration", oneLine(err)}}
	}
	whole, err := inUse(cfg)
	if err != nil {
		return []finding{{fail, "configuration", oneLine(err)}}
	}
	telemetry, err := ownTelemetry(cfg)
	if err != nil {
		return []finding{{fail, "configuration", oneLine(err)}}
	}
	findings := []finding{{fine, "configuration", "valid"}}
	own := append(listening(cfg, whole), telemetry...)
	findings = append(findings, listeners(ctx, own)...)
	findings = append(findings, targets(ctx, whole, own)...)
	findings = append(findings, folders(whole)...)
	findings = append(findings, files(whole)...)
	findings = append(findings, programs(whole)...)
	return append(findings, rights(whole)...)
}

// inUse returns the configuration as a map, with the defaults filled in and secrets
// blacked out: what pipelines use, because the rest is never started.
func inUse(cfg *otelcol.Config) (map[string]any, error) {
	used := make(map[component.ID]bool)
	for _, pipeline := range cfg.Service.Pipelines {
		for _, id := range slices.Concat(pipeline.Receivers, pipeline.Exporters) {
			used[id] = true
		}
	}
	whole := make(map[string]any)
	add := func(kind string, id component.ID, settings component.Config) error {
		conf := confmap.New()
		if err := conf.Marshal(settings); err != nil {
			return fmt.Errorf("%s::%s: %w", kind, id, err)
		}
		if whole[kind] == nil {
			whole[kind] = make(map[string]any)
		}
		section(whole, kind)[id.String()] = conf.ToStringMap()
		return nil
	}
	var errs []error
	for id, settings := range cfg.Receivers {
		if used[id] {
			errs = append(errs, add("receivers", id, settings))
		}
	}
	for id, settings := range cfg.Exporters {
		if used[id] {
			errs = append(errs, add("exporters", id, settings))
		}
	}
	for _, id := range cfg.Service.Extensions {
		errs = append(errs, add("extensions", id, cfg.Extensions[id]))
	}
	return whole, errors.Join(errs...)
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

// listening finds every address that the configuration listens on.
func listening(cfg *otelcol.Config, whole map[string]any) []address {
	own := slices.Concat(
		addresses(whole, "receivers", "otlp", "protocols", "*", "endpoint"),
		addresses(whole, "exporters", "prometheus", "endpoint"),
		addresses(whole, "exporters", "console", "endpoint"),
		addresses(whole, "extensions", "health_check", "endpoint"),
		addresses(whole, "extensions", "zpages", "endpoint"),
	)
	for _, a := range addresses(whole, "receivers", "agent_health", "heartbeat_server", "endpoint") {
		id, _, _ := strings.Cut(strings.TrimPrefix(a.keys, "receivers::"), "::")
		for known, settings := range cfg.Receivers {
			health, ok := settings.(*agenthealth.Config)
			if ok && known.String() == id && health.AwaitsHeartbeats() {
				own = append(own, a)
			}
		}
	}
	return own
}

// ownTelemetry finds the addresses at which the collector's own metrics are scraped.
func ownTelemetry(cfg *otelcol.Config) (own []address, err error) {
	conf := confmap.New()
	if err := conf.Marshal(cfg.Service.Telemetry); err != nil {
		return nil, fmt.Errorf("service::telemetry: %w", err)
	}
	metrics := section(conf.ToStringMap(), "metrics")
	if level, _ := metrics["level"].(string); strings.EqualFold(level, "none") {
		return nil, nil
	}
	readers, _ := metrics["readers"].([]any)
	for i, reader := range readers {
		whole, _ := reader.(map[string]any)
		scraped := section(section(section(whole, "pull"), "exporter"), "prometheus")
		if scraped["host"] == nil || scraped["port"] == nil {
			continue
		}
		own = append(own, address{
			keys:     fmt.Sprintf("service::telemetry::metrics::readers::%d::pull::exporter::prometheus", i),
			endpoint: net.JoinHostPort(fmt.Sprint(scraped["host"]), fmt.Sprint(scraped["port"])),
		})
	}
	return own, nil
}

// listeners tries every address that the configuration listens on.
func listeners(ctx context.Context, own []address) (findings []finding) {
	taken := make(map[string]string)
	for _, a := range own {
		if other, twice := taken[a.endpoint]; twice && !strings.HasSuffix(a.endpoint, ":0") {
			findings = append(findings, finding{fail, a.keys, a.endpoint + " is that of " + other + " too: choose another address"})
			continue
		}
		taken[a.endpoint] = a.keys
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
// away may come back: the queue waits for it. What checks ask is for `check`.
func targets(ctx context.Context, whole map[string]any, own []address) (findings []finding) {
	for _, a := range slices.Concat(
		addresses(whole, "exporters", "jaeger", "endpoint"),
		addresses(whole, "exporters", "otlp_grpc", "endpoint"),
		addresses(whole, "exporters", "otlp_http", "endpoint"),
		addresses(whole, "exporters", "otlp_http", "traces_endpoint"),
		addresses(whole, "exporters", "otlp_http", "metrics_endpoint"),
		addresses(whole, "exporters", "otlp_http", "logs_endpoint"),
		addresses(whole, "exporters", "prometheus_remote_write", "endpoint"),
	) {
		endpoint := reachedAt(a.endpoint)
		if slices.ContainsFunc(own, func(o address) bool { return o.endpoint == endpoint }) {
			findings = append(findings, finding{fine, a.keys, endpoint + " is this collector's own"})
			continue
		}
		dialer := net.Dialer{Timeout: 3 * time.Second}
		conn, err := dialer.DialContext(ctx, "tcp", endpoint)
		if err != nil {
			findings = append(findings, finding{warn, a.keys, oneLine(err) + ": what is sent there waits in the queue"})
			continue
		}
		_ = conn.Close()
		findings = append(findings, finding{fine, a.keys, endpoint + " answers"})
	}
	return findings
}

// reachedAt returns where to dial for an endpoint, which may be a URL.
func reachedAt(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" {
		return endpoint
	}
	if u.Port() != "" {
		return u.Host
	}
	if u.Scheme == "https" {
		return net.JoinHostPort(u.Hostname(), "443")
	}
	return net.JoinHostPort(u.Hostname(), "80")
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

// files tries to read the certificates and keys that the configuration names anywhere.
func files(whole map[string]any) (findings []finding) {
	var walk func(at string, value any)
	walk = func(at string, value any) {
		m, _ := value.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(m)) {
			path, ok := m[key].(string)
			if !ok || path == "" || !slices.Contains([]string{"ca_file", "cert_file", "key_file", "client_ca_file"}, key) {
				walk(at+"::"+key, m[key])
				continue
			}
			file, err := os.Open(path)
			if err != nil {
				findings = append(findings, finding{fail, at + "::" + key, oneLine(err) + ": give the collector's user the right to read it"})
				continue
			}
			_ = file.Close()
			findings = append(findings, finding{fine, at + "::" + key, path + " can be read"})
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(whole)) {
		walk(kind, whole[kind])
	}
	return findings
}

// programs looks for what checks would start.
func programs(whole map[string]any) (findings []finding) {
	for id, settings := range ofType(section(whole, "receivers"), "agent_health") {
		checks := section(settings, "checks")
		for _, name := range slices.Sorted(maps.Keys(checks)) {
			command, _ := section(section(checks, name), "mcp")["command"].([]any)
			if len(command) == 0 {
				continue
			}
			keys := "receivers::" + id + "::checks::" + name + "::mcp::command"
			if path, err := exec.LookPath(fmt.Sprint(command[0])); err != nil {
				findings = append(findings, finding{fail, keys, oneLine(err) + ": install it, or give the collector's user the right to run it"})
			} else {
				findings = append(findings, finding{fine, keys, path + " can be run"})
			}
		}
	}
	return findings
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
