package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// loopGuard refuses a configuration in which a jaeger exporter sends to the
// collector's own OTLP receiver. Jaeger's default ports are ours too, and traces
// that go round for ever are found only when the host is full of them.
//
// It is a converter because only the configuration as a whole knows both ends.
type loopGuard struct{}

func newLoopGuard(confmap.ConverterSettings) confmap.Converter { return loopGuard{} }

// Convert leaves conf as it is.
func (loopGuard) Convert(_ context.Context, conf *confmap.Conf) error {
	whole := conf.ToStringMap()
	for _, own := range otlpListeners(whole) {
		for exporter, settings := range ofType(section(whole, "exporters"), "jaeger") {
			target, _ := settings["endpoint"].(string)
			// Neither path nor protocol matters: whatever listens there is us, not Jaeger.
			if target != "" && leadsTo(target, own.address) {
				return fmt.Errorf("exporters::%s::endpoint: %q leads back to receivers::%s of this collector, which listens on %q: name the address of Jaeger",
					exporter, withoutUser(target), own.receiver, own.address)
			}
		}
	}
	return nil
}

// otlpListener is one address that an OTLP receiver of ours listens on.
type otlpListener struct{ receiver, address string }

// otlpListeners returns the addresses of all OTLP receivers, in order.
func otlpListeners(whole map[string]any) (found []otlpListener) {
	for id, settings := range ofType(section(whole, "receivers"), "otlp") {
		protocols := section(settings, "protocols")
		// The addresses are the defaults of the upstream receiver.
		for protocol, address := range map[string]string{"grpc": "localhost:4317", "http": "localhost:4318"} {
			if _, on := protocols[protocol]; !on {
				continue
			}
			if endpoint, ok := section(protocols, protocol)["endpoint"].(string); ok {
				address = endpoint
			}
			found = append(found, otlpListener{id, address})
		}
	}
	slices.SortFunc(found, func(a, b otlpListener) int {
		return strings.Compare(a.receiver+" "+a.address, b.receiver+" "+b.address)
	})
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
	if path, ok := socket(target); ok {
		own, _ := socket(address)
		return path == strings.TrimPrefix(address, "unix:") || path == own
	}
	targetHost, targetPort, ok := dialled(target)
	if !ok {
		return false
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || port != targetPort {
		return false
	}
	host, targetHost = canonical(host), canonical(targetHost)
	switch {
	case targetHost == host:
		return true
	case unspecified(host):
		return isThisHost(targetHost) || isInterface(targetHost)
	case unspecified(targetHost):
		// To dial no address in particular is to dial this host.
		return isThisHost(host)
	}
	return isThisHost(targetHost) && isThisHost(host)
}

// dialled takes an endpoint apart: host:port, a URL, or a target of gRPC, which
// may name a resolver and the server that it asks.
func dialled(target string) (host, port string, ok bool) {
	scheme, rest, found := strings.Cut(target, "://")
	if !found {
		// gRPC takes dns:host:port too.
		for _, resolver := range []string{"dns:", "passthrough:"} {
			if cut, is := strings.CutPrefix(target, resolver); is && strings.Count(cut, ":") > 0 {
				target = cut
			}
		}
		host, port, err := net.SplitHostPort(target)
		return host, port, err == nil
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "http", "https":
		u, err := url.Parse(target)
		if err != nil {
			return "", "", false
		}
		if port = u.Port(); port == "" {
			port = map[string]string{"http": "80", "https": "443"}[scheme]
		}
		return u.Hostname(), port, true
	default:
		_, endpoint, _ := strings.Cut(rest, "/")
		host, port, err := net.SplitHostPort(endpoint)
		return host, port, err == nil
	}
}

// socket returns the path of a Unix socket, in the forms that gRPC takes.
func socket(target string) (path string, ok bool) {
	rest, ok := strings.CutPrefix(target, "unix:")
	if !ok {
		return "", false
	}
	return strings.TrimPrefix(rest, "//"), true
}

// withoutUser leaves the password out of an endpoint that has one.
func withoutUser(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.User != nil {
		u.User = nil
		return u.String()
	}
	return endpoint
}

// canonical writes a host as others write it: names have no case and may end with
// a dot, an IPv4 address may be dressed as IPv6, and a zone is no other host.
func canonical(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").String()
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// unspecified reports whether a host is every address of this one.
func unspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

// isThisHost knows a host by its usual names, without asking the network.
func isThisHost(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsUnspecified()
	}
	own, err := os.Hostname()
	names := []string{"", "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"}
	if err == nil {
		names = append(names, canonical(own))
	}
	// RFC 6761, section 6.3: every name below localhost is this host.
	return slices.Contains(names, host) || strings.HasSuffix(host, ".localhost")
}

// isInterface reports whether host is the address of a network interface of ours.
func isInterface(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil {
		return false
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addresses, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		return ok && network.IP.Equal(ip)
	})
}
