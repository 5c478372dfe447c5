// Package guard is what probes share to stay safe among targets that are not: it
// decides which addresses may be dialled, where credentials may go, and how much
// of an answer is read.
package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// Hook is what net.Dialer.Control takes.
type Hook = func(network, address string, conn syscall.RawConn) error

// Metadata returns the networks in which clouds answer any process with the
// machine's credentials: the link-local ones, and addresses of the kind elsewhere.
func Metadata() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("169.254.0.0/16"), // link-local: AWS, Azure, Google, Oracle, OpenStack and others (RFC 3927)
		netip.MustParsePrefix("fe80::/10"),      // link-local (RFC 4291)
		netip.MustParsePrefix("fd00:ec2::/32"),  // AWS: instance metadata, container credentials
		netip.MustParsePrefix("fd20:ce::254/128"),
		netip.MustParsePrefix("fd00:42::42/128"),    // Scaleway
		netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
		netip.MustParsePrefix("168.63.129.16/32"),   // Azure: the host's agent
		netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud, classic
	}
}

// AddressError says that an address was not dialled because a guard forbids it.
type AddressError struct {
	Address netip.Addr
}

// Error implements error.
func (e *AddressError) Error() string {
	return fmt.Sprintf("the address %s is link-local or one of cloud metadata, and not allowed", e.Address)
}

// Is makes check.Classify find a connection that was refused, which it was: by us.
func (e *AddressError) Is(target error) bool { return target == syscall.ECONNREFUSED }

// nat64 is the prefix behind which a translator reaches IPv4 (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Refuse returns a hook that refuses to dial addresses in the networks. It sees
// the address that is about to be dialled, after every resolution, so a name that
// changes its mind gains nothing.
func Refuse(networks ...netip.Prefix) Hook {
	return func(_, address string, _ syscall.RawConn) error {
		// A path of a Unix socket is no address of a network, and parses as the zero
		// one, which no network contains.
		target, _ := netip.ParseAddrPort(address)
		ip := target.Addr().WithZone("").Unmap()
		if nat64.Contains(ip) {
			bytes := ip.As16()
			ip = netip.AddrFrom4([4]byte(bytes[12:]))
		}
		for _, network := range networks {
			if network.Contains(ip) {
				return &AddressError{Address: target.Addr()}
			}
		}
		return nil
	}
}

// Dialer returns a dialer that refuses the addresses of Metadata unless they are
// allowed.
func Dialer(allowMetadata bool) *net.Dialer {
	d := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	if !allowMetadata {
		d.Control = Refuse(Metadata()...)
	}
	return d
}

// Transport returns a transport on that Dialer, which reads no more than 64 KiB of
// headers. A proxy, which it takes from the environment as http.DefaultTransport
// does, resolves names itself, so what it may reach is for the proxy to decide.
func Transport(allowMetadata bool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            Dialer(allowMetadata).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           4,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Reason returns what a guard, or its limits, have to say about an error, for a
// person, and whether they are behind it at all.
func Reason(err error) (string, bool) {
	var address *AddressError
	if errors.As(err, &address) {
		return address.Error(), true
	}
	for _, own := range []error{ErrTooManyRedirects, ErrTooLarge, ErrTooDeep, ErrTooMany} {
		if errors.Is(err, own) {
			return own.Error(), true
		}
	}
	return "", false
}
