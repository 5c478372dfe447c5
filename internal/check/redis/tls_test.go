package redis

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// wrap puts TLS before a server.
func wrap(t *testing.T, endpoint string, certificate tls.Certificate) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			front, err := listener.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", endpoint)
			if err != nil {
				_ = front.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{front, back}, {back, front}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = front.Close(), back.Close()
				}()
			}
		}
	}()
	return listener.Addr().String()
}

func TestTLSIsUsedAndNeverFallenBackFrom(t *testing.T) {
	server := peers.Redis(t)
	// The certificate is that of net/http/httptest, good for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())

	s := settings(wrap(t, server.Endpoint, web.TLS.Certificates[0]))
	s.TLS = &tls.Config{RootCAs: roots}
	p := newProbe(t, s)
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
	require.Equal(t, []string{"ping", "info"}, steps(run(t, p, 5*time.Second)))
	require.Empty(t, s.TLS.ServerName, "the settings are not changed")

	s.TLS = &tls.Config{}
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "connecting to "+s.Endpoint+": the TLS handshake failed", r.Reason)

	s.Endpoint = server.Endpoint
	r = run(t, newProbe(t, s), 500*time.Millisecond)
	require.Equal(t, check.Unhealthy, r.State)
	require.Contains(t, []check.ErrorType{check.TLS, check.Timeout}, r.ErrorType)
}
