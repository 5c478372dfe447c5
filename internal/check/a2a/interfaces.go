package a2a

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
)

// maxDialled is how many interfaces one run connects to.
const maxDialled = 16

// unreachable says which interfaces do not take a connection. It tells them by
// their place in the card: the text of the card is the agent's.
func (p *Probe) unreachable(ctx context.Context, c card) []string {
	var out []string
	asked := map[string]bool{}
	for n, i := range c.interfaces {
		if !p.permits(i) {
			continue
		}
		host, port := hostPort(i.URL)
		address := net.JoinHostPort(host, port)
		if asked[address] {
			continue
		}
		if len(asked) == maxDialled {
			break
		}
		asked[address] = true
		conn, err := p.settings.Dial(ctx, "tcp", address)
		if err != nil {
			out = append(out, fmt.Sprintf("interface %d of the card (%s) cannot be reached", n+1, bindingOf(i)))
			continue
		}
		_ = conn.Close()
	}
	return out
}

// permits is true for interfaces to which the card may send us.
func (p *Probe) permits(i *a2a.AgentInterface) bool {
	host, _ := hostPort(i.URL)
	return p.settings.AllowOtherHosts || strings.EqualFold(host, p.origin.Hostname())
}

// hostPort returns where an interface is. That of gRPC is often named without a
// scheme.
func hostPort(address string) (host, port string) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	if port = u.Port(); port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return u.Hostname(), port
}
