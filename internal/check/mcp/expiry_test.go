package mcp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// jwt returns a token with these claims and no signature worth the name.
func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("secret"))
}

// signer adds a header below the probe, as the receiver's client does.
type signer struct {
	next          http.RoundTripper
	authorization string
}

func (s signer) RoundTrip(q *http.Request) (*http.Response, error) {
	q = q.Clone(q.Context())
	q.Header.Set("Authorization", s.authorization)
	return s.next.RoundTrip(q)
}

func TestExpiryOfCertificateAndToken(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			web := httptest.NewUnstartedServer(scripted{})
			web.EnableHTTP2 = protocol == "HTTP/2.0"
			web.StartTLS()
			defer web.Close()
			host := strings.TrimPrefix(web.URL, "https://")
			client := web.Client()
			base := client.Transport.(*http.Transport)
			defer base.CloseIdleConnections()
			expires := time.Now().Add(time.Hour)
			client.Transport = signer{base, "Bearer " + jwt(fmt.Sprintf(`{"sub":"secret","exp":%d}`, expires.Unix()))}

			r := runOnce(t, newProbe(t, Settings{Endpoint: web.URL, Client: client}), 5*time.Second)
			require.Equal(t, check.Healthy, r.State, r.Reason)
			require.Equal(t, []string{"connect", "tls", "discover", "list"}, steps(r))
			require.InDelta(t, 3600, value(t, r, "mcp.token.expiry").Value, 5)
			require.InDelta(t, time.Until(web.Certificate().NotAfter).Seconds(), value(t, r, "mcp.certificate.expiry").Value, 5)

			r = runOnce(t, newProbe(t, Settings{Endpoint: web.URL, Client: client, MinTokenValidity: 2 * time.Hour}), 5*time.Second)
			require.Equal(t, check.Degraded, r.State)
			require.Equal(t, check.Assertion, r.ErrorType)
			require.Regexp(t, "^the token for "+host+" is valid for only (1h0m0s|59m5.s) more$", r.Reason)

		})
	}
}

func TestCertificateThatExpiresSoonIsDegraded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	web := httptest.NewUnstartedServer(scripted{})
	web.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	web.StartTLS()
	defer web.Close()
	settings := DefaultSettings()
	settings.Endpoint, settings.Client = web.URL, web.Client()
	r := runOnce(t, newProbe(t, settings), 5*time.Second)
	require.Equal(t, check.Degraded, r.State, r.Reason)
	require.Equal(t, check.Assertion, r.ErrorType)
	require.Regexp(t, "^the certificate of "+strings.TrimPrefix(web.URL, "https://")+" is valid for only (24h0m0s|23h59m5.s) more$", r.Reason)
	settings.MinCertificateValidity = 0
	require.Equal(t, check.Healthy, runOnce(t, newProbe(t, settings), 5*time.Second).State)
}

func TestAddressOfMetadataIsNotDialled(t *testing.T) {
	p, err := New(Settings{Endpoint: "http://169.254.169.254/mcp"})
	require.NoError(t, err)
	r := runOnce(t, p, 5*time.Second)
	require.Equal(t, check.Refused, r.ErrorType)
	require.Equal(t, "connect at 169.254.169.254: the address 169.254.169.254 is link-local or one of cloud metadata, and not allowed", r.Reason)
}

func TestCertificateThatIsRefusedIsStillMeasured(t *testing.T) {
	web := httptest.NewUnstartedServer(scripted{})
	web.Config.ErrorLog = nil
	web.StartTLS()
	defer web.Close()
	r := runOnce(t, newProbe(t, Settings{Endpoint: web.URL}), 5*time.Second)
	require.Equal(t, check.TLS, r.ErrorType)
	require.Equal(t, "tls at "+strings.TrimPrefix(web.URL, "https://")+": the TLS handshake failed", r.Reason)
	require.InDelta(t, time.Until(web.Certificate().NotAfter).Seconds(), value(t, r, "mcp.certificate.expiry").Value, 5)
	require.Len(t, r.Measurements, 1)
}

func TestTokenExpiry(t *testing.T) {
	for header, want := range map[string]int64{
		"Bearer " + jwt(`{"exp":1700000000}`):            1700000000,
		"bearer  " + jwt(`{"exp":1700000000.5,"nbf":1}`): 1700000000,
		"Bearer " + jwt(`{"exp":253402300799}`):          253402300799,
		"Bearer " + jwt(`{"exp":253402300800}`):          0,
		"Bearer " + jwt(`{"exp":1e300}`):                 0,
		"Bearer " + jwt(`{"exp":-1}`):                    0,
		"Bearer " + jwt(`{"exp":"1700000000"}`):          0,
		"Bearer " + jwt(`{}`):                            0,
		"Bearer " + jwt(`[]`):                            0,
		"Bearer " + jwt(`{"exp":1700000000`):             0,
		"Basic " + jwt(`{"exp":1700000000}`):             0,
		jwt(`{"exp":1700000000}`):                        0,
		"Bearer opaque":                                  0,
		"Bearer a.b":                                     0,
		"Bearer a.!.c":                                   0,
		"Bearer ":                                        0,
		"":                                               0,
		"Bearer " + jwt(`{"exp":1700000000}`+strings.Repeat(" ", maxToken)): 0,
	} {
		got, ok := tokenExpiry(header)
		require.Equal(t, want != 0, ok, "%.60s", header)
		if ok {
			require.Equal(t, want, got.Unix())
		}
	}
}

func FuzzTokenExpiry(f *testing.F) {
	f.Add("Bearer " + jwt(`{"exp":1700000000}`))
	f.Add("Bearer a.b.c")
	f.Fuzz(func(t *testing.T, header string) {
		expires, ok := tokenExpiry(header)
		if ok && (expires.Unix() < 0 || expires.Year() > 9999) || !ok && !expires.IsZero() {
			t.Errorf("%q expires at %v", header, expires)
		}
	})
}
