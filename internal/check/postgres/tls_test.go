package postgres

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/peers"
)

func TestTLSIsUsedAndNeverFallenBackFrom(t *testing.T) {
	server := peers.Postgres(t)
	s := settings(server.Endpoint)
	s.TLS = &tls.Config{InsecureSkipVerify: true}
	r := run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Unhealthy, r.State)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "connecting to "+server.Endpoint+": the server does not speak TLS", r.Reason)

	// The certificate is that of net/http/httptest, good for 127.0.0.1.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	key, err := x509.MarshalPKCS8PrivateKey(web.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	conn := admin(t, server.Endpoint)
	for name, block := range map[string]*pem.Block{
		"server.crt": {Type: "CERTIFICATE", Bytes: web.Certificate().Raw},
		"server.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		// Only the server itself can write files that it deems safe.
		path := filepath.Join(server.Dir, "data", name)
		lines := strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n")
		_, err := conn.Exec(t.Context(), "COPY (VALUES ('"+strings.Join(lines, "'),('")+"')) TO PROGRAM 'umask 077; cat > "+path+"'")
		require.NoError(t, err)
	}
	_, err = conn.Exec(t.Context(), "ALTER SYSTEM SET ssl = on")
	require.NoError(t, err)
	server.Stop()
	server.Start()

	r = run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.Healthy, r.State, r.Reason)

	s.TLS = &tls.Config{}
	r = run(t, newProbe(t, s), 5*time.Second)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "connecting to "+server.Endpoint+": the TLS handshake failed", r.Reason)

	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	s.TLS = &tls.Config{RootCAs: roots}
	p := newProbe(t, s)
	require.Equal(t, check.Healthy, run(t, p, 5*time.Second).State)
	require.Empty(t, s.TLS.ServerName, "the settings are not changed")

	server.Freeze()
	require.Equal(t, check.Timeout, run(t, p, 200*time.Millisecond).ErrorType)
	server.Thaw()
}
