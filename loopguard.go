package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// loopGuard refuses a configuration in which a jaeger exporter sends to the
// collector's own OTLP receiver. Jaeger's default port is ours too, and traces
// that go round for ever are found only when the host is full of them.
//
// It is a converter because only the configuration as a whole knows both ends.
type loopGuard struct{}

func newLoopGuard(confmap.ConverterSettings) confmap.Converter { return loopGuard{} }

// Convert leaves conf as it is.
func (loopGuard) Convert(_ context.Context, conf *confmap.Conf) error {
	whole := conf.ToStringMap()
	for receiver, listening := range otlpReceivers(whole) {
		for exporter, settings := range ofType(section(whole, "exporters"), "jaeger") {
			target, _ := settings["endpoint"].(string)
			if target != "" && leadsTo(target, listening) {
				return fmt.Errorf("exporters::%s::endpoint: %q leads back to receivers::%s of this collector, which listens on %q: name the address of Jaeger",
					exporter, target, receiver, listening)
			}
		}
	}
	return nil
}

// otlpReceivers returns the gRPC address of each OTLP receiver by its id.
func otlpReceivers(whole map[string]any) map[string]string {
	found := make(map[string]string)
	for id, settings := range ofType(section(whole, "receivers"), "otlp") {
		grpc, on := section(settings, "protocols")["grpc"]
		if !on {
			continue
		}
		// The default of the upstream receiver.
		found[id] = "localhost:4317"
		if g, ok := grpc.(map[string]any); ok {
			if endpoint, ok := g["endpoint"].(string); ok {
				found[id] = endpoint
			}
		}
	}
	return found
}

func section(m map[string]any, key string) map[string]any {
	s, _ := m[key].(map[string]any)
	return s
}

// ofType returns the components of one type, with or without a name.
func ofType(components map[string]any, typ string) map[string]map[string]any {
	found := make(map[string]map[string]any)
	for id, settings := range components {
		if t, _, _ := strings.Cut(id, "/"); strings.TrimSpace(t) == typ {
			found[id], _ = settings.(map[string]any)
		}
	}
	return found
}

// leadsTo reports whether dialling target reaches a server that listens on
// address of this host.
func leadsTo(target, address string) bool {
	for _, scheme := range []string{"http://", "https://", "dns:///", "dns://", "passthrough:///"} {
		target = strings.TrimPrefix(target, scheme)
	}
	targetHost, targetPort, err := net.SplitHostPort(target)
	if err != nil {
		return false
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != targetPort {
		return false
	}
	if strings.EqualFold(targetHost, host) {
		return true
	}
	return isThisHost(targetHost) && (isThisHost(host) || host == "")
}

// isThisHost knows a host by its usual names, without asking the network.
func isThisHost(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	own, err := os.Hostname()
	names := []string{"", "localhost"}
	if err == nil {
		names = append(names, strings.ToLower(own))
	}
	return slices.Contains(names, strings.ToLower(host))
}
