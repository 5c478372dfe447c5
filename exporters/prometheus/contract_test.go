package prometheus

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/watchkeeper/watchkeeper/exporters/prometheus/internal/metadata"
)

func TestCountersLiveAsLongAsTheirSourceAndGaugesDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := silent(t)
		agent := map[string]any{"service.name": "a"}
		counts := fleet(1, time.Now(), 7)
		_ = counts.ResourceMetrics().At(0).Resource().Attributes().FromRaw(agent)
		require.NoError(t, e.consume(t.Context(), counts))
		require.NoError(t, e.consume(t.Context(), reading(agent, 1)))
		other := pmetric.NewMetrics() // the source still says something, but not of these
		reading(agent, 2).CopyTo(other)
		first(other).SetName("other")
		for range 20 {
			time.Sleep(time.Minute)
			require.NoError(t, e.consume(t.Context(), other))
		}
		got := page(e)
		require.Contains(t, got, "agent_steps_total{")
		require.NotContains(t, got, "reading{")
		time.Sleep(5 * time.Minute)
		require.Empty(t, page(e))
	})
}

func TestAFullStorePrefersTheLivingToTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := createDefaultConfig().(*Config)
		c.MaxSeries = 3
		e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
		require.NoError(t, err)
		require.NoError(t, e.consume(t.Context(), fleet(3, time.Now(), 1)))
		time.Sleep(4 * time.Minute)
		require.NoError(t, e.consume(t.Context(), fleet(1, time.Now(), 2)))
		time.Sleep(2 * time.Minute)
		md := reading(nil, 9) // the same source: all three are kept for its sake
		require.NoError(t, e.consume(t.Context(), md))
		got := page(e)
		require.Contains(t, got, "reading 9\n")
		require.Contains(t, got, `agent_name="agent-000000"`)
		require.NotContains(t, got, `agent_name="agent-000001"`)
	})
}

func TestOverflowKeepsTheSum(t *testing.T) {
	c := createDefaultConfig().(*Config)
	c.MaxSeries = 2
	e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	at := time.Now()
	for i, v := range []float64{10, 25, 5} { // the last one is a reset
		require.NoError(t, e.consume(t.Context(), fleet(4, at.Add(time.Duration(i)*time.Second), v)))
	}
	require.Contains(t, page(e), "agent_steps_total{otel_metric_overflow=\"true\"} 60\n") // two streams of 25 and then 5
	require.Equal(t, 3, strings.Count(page(e), "\n"))
	require.Equal(t, 3, e.store.Stats().Series)
	another := reading(nil, 1)
	require.Equal(t, int64(1), e.intake.consume(at, another).dropped[overLimit], "a new metric has no room at all")

	e, err = newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	for i := range 3 {
		deltas := fleet(4, at.Add(time.Duration(i)*time.Second), 3)
		first(deltas).Sum().SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
		require.Equal(t, int64(2), e.intake.consume(at, deltas).overflowed)
	}
	require.Contains(t, page(e), "{otel_metric_overflow=\"true\"} 18\n")
}

func TestAStaleMarkerEndsASeries(t *testing.T) {
	e := silent(t)
	require.NoError(t, e.consume(t.Context(), reading(nil, 1)))
	require.Equal(t, "reading 1\n", page(e))
	require.NoError(t, e.consume(t.Context(), reading(nil, math.NaN())))
	require.Equal(t, "reading NaN\n", page(e))
	require.NoError(t, e.consume(t.Context(), reading(nil, math.Float64frombits(0x7ff0000000000002))))
	require.Empty(t, page(e))
}

func TestLongValuesAreCutAndStayDifferent(t *testing.T) {
	e := silent(t)
	for _, end := range []string{"a", "b"} {
		md := reading(nil, 1)
		first(md).Gauge().DataPoints().At(0).Attributes().PutStr("x", strings.Repeat("é", 2000)+end)
		require.NoError(t, e.consume(t.Context(), md))
	}
	lines := strings.Split(strings.TrimSpace(page(e)), "\n")
	require.Len(t, lines, 2)
	for _, l := range lines {
		require.Less(t, len(l), 2048+30)
	}
	require.Equal(t, uint64(2), e.store.Stats().CutLabels)
}

func TestDescriptionsThatDifferLoseNoPoint(t *testing.T) {
	e := silent(t)
	for i, help := range []string{"First.", "Second."} {
		md := reading(nil, float64(i))
		first(md).SetDescription(help)
		first(md).Gauge().DataPoints().At(0).Attributes().PutInt("i", int64(i))
		require.NoError(t, e.consume(t.Context(), md))
	}
	require.Equal(t, "reading{i=\"0\"} 0\nreading{i=\"1\"} 1\n", page(e))
	require.Equal(t, uint64(1), e.store.Stats().HelpConflicts)
}

func TestPromotedResourceAttributes(t *testing.T) {
	c := createDefaultConfig().(*Config)
	c.ResourceAttributesAsLabels = []string{"host.name"}
	e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.NoError(t, e.consume(t.Context(), reading(map[string]any{"host.name": "node-7", "process.pid": 5}, 1)))
	require.Equal(t, "reading{host_name=\"node-7\"} 1\n", page(e))
}

func TestFormatsAreWhatTheClientLikesBest(t *testing.T) {
	const native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	c := createDefaultConfig().(*Config)
	c.EnableOpenMetrics = true
	_, open := begin(t, c)
	_, plain := begin(t, createDefaultConfig().(*Config))
	for accept, want := range map[string]string{
		"":                                textType,
		"*/*":                             textType,
		"text/html":                       textType,
		modernAccept:                      "application/openmetrics-text; version=1.0.0; charset=utf-8",
		native + "," + modernAccept:       protobufType,
		native + ";q=0.1," + modernAccept: "application/openmetrics-text; version=1.0.0; charset=utf-8",
		"application/openmetrics-text;version=0.0.1":        "application/openmetrics-text; version=0.0.1; charset=utf-8",
		"application/openmetrics-text;version=2.0.0,*/*":    textType,
		"application/vnd.google.protobuf;encoding=text,*/*": textType,
		"application/openmetrics-text;q=0":                  textType,
	} {
		require.Equal(t, want, request(t, http.MethodGet, open+"/metrics", "Accept", accept).header.Get("Content-Type"), accept)
	}
	require.Equal(t, textType, request(t, http.MethodGet, plain+"/metrics", "Accept", modernAccept).header.Get("Content-Type"))
	require.Equal(t, "# EOF\n", request(t, http.MethodGet, open+"/metrics", "Accept", modernAccept).body)
}

// 100 clients that ask and do not read hold a buffer each, not a body.
func TestClientsThatDoNotReadCostLessThanTwoBodies(t *testing.T) {
	const series = 200_000
	e, url := begin(t, createDefaultConfig().(*Config))
	require.NoError(t, e.consume(t.Context(), fleet(series, time.Now(), 1)))
	body := uint64(len(request(t, http.MethodGet, url+"/metrics").body))
	live := func() uint64 {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
			time.Sleep(50 * time.Millisecond)
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	for i := range 100 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err = io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1))
		require.NoError(t, err)
		if i%10 == 0 { // so that not all of them are at the same text
			require.NoError(t, e.consume(t.Context(), fleet(series/10, time.Now(), float64(i))))
		}
	}
	after := live()
	require.Less(t, after, before+2*body, "%d bytes of body", body)
	// And updates and other scrapes go on.
	require.NoError(t, e.consume(t.Context(), fleet(series, time.Now(), 12345)))
	require.Equal(t, series, strings.Count(request(t, http.MethodGet, url+"/metrics").body, " 12345\n"))
}

// gate lets those in who know the word.
type gate struct {
	component.StartFunc
	component.ShutdownFunc
}

var _ extensionauth.Server = gate{}

func (gate) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	if fmt.Sprint(headers["Authorization"]) == "[Bearer sesame]" {
		return ctx, nil
	}
	return ctx, errors.New("not you")
}

type hostWith map[component.ID]component.Component

func (h hostWith) GetExtensions() map[component.ID]component.Component { return h }

func TestOnlyThoseWhoMayScrapeDo(t *testing.T) {
	id := component.MustNewID("gate")
	c := createDefaultConfig().(*Config)
	c.NetAddr.Endpoint = "localhost:0"
	c.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: id}})
	e, err := newExporter(c, exportertest.NewNopSettings(metadata.Type))
	require.NoError(t, err)
	require.NoError(t, e.start(t.Context(), hostWith{id: gate{}}))
	t.Cleanup(func() { require.NoError(t, e.shutdown(context.Background())) })
	url := "http://" + e.listener.Addr().String() + "/metrics"
	require.Equal(t, http.StatusUnauthorized, request(t, http.MethodGet, url).status)
	require.Equal(t, http.StatusOK, request(t, http.MethodGet, url, "Authorization", "Bearer sesame").status)
}

func TestOnlyThoseWithACertificateScrape(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	require.NoError(t, os.WriteFile(certFile, public, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))

	c := createDefaultConfig().(*Config)
	c.NetAddr.Endpoint = "127.0.0.1:0"
	settings := configtls.NewDefaultServerConfig()
	settings.CertFile, settings.KeyFile, settings.ClientCAFile = certFile, keyFile, certFile
	c.TLS = configoptional.Some(settings)
	_, url := begin(t, c)
	url = strings.Replace(url, "http://", "https://", 1) + "/metrics"

	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(public))
	get := func(certificates ...tls.Certificate) (int, error) {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates, MinVersion: tls.VersionTLS13}}}
		response, err := client.Get(url)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	status, err := get(certificate)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	_, err = get()
	require.ErrorContains(t, err, "certificate required")
}
