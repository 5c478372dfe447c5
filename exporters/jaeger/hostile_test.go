package jaeger

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// attempt is how long an attempt may take in these tests, and patience how long
// the test waits for it to end.
const (
	attempt  = 500 * time.Millisecond
	patience = 20 * time.Second
)

// offer makes one attempt to send to a server that is not to be trusted.
func offer(t *testing.T, endpoint string) error {
	t.Helper()
	cfg := to(endpoint)
	cfg.QueueConfig, cfg.RetryConfig.Enabled, cfg.TimeoutConfig.Timeout = none(), false, attempt
	e := start(t, cfg)
	ended := make(chan error, 1)
	go func() { ended <- e.ConsumeTraces(t.Context(), traces([2]string{"a", ""})) }()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatalf("the attempt did not end within %v", patience)
		return nil
	}
}

func TestNoAnswerOverHTTPHoldsOrFillsTheExporter(t *testing.T) {
	for name, handler := range peers.Hostile() {
		t.Run(name, func(t *testing.T) {
			require.Error(t, offer(t, listenHTTP(t, handler)))
		})
	}
}

func TestAServerThatNeverAnswersIsLeftAndTheSpansAreOfferedAgain(t *testing.T) {
	for name, endpoint := range map[string]string{
		"grpc silent":          peers.Stalling(t, ""),
		"grpc half an answer":  peers.Stalling(t, "\x00\x00\x12\x04\x00\x00\x00\x00\x00"),
		"http silent":          "http://" + peers.Stalling(t, ""),
		"http half a header":   "http://" + peers.Stalling(t, "HTTP/1.1 200 OK\r\nContent-"),
		"http half a body":     "http://" + peers.Stalling(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"),
		"https no handshake":   "https://" + peers.Stalling(t, ""),
		"nobody listens, grpc": peers.FreeEndpoint(t),
		"nobody listens, http": "http://" + peers.FreeEndpoint(t),
	} {
		t.Run(name, func(t *testing.T) {
			err := offer(t, endpoint)
			require.Error(t, err)
			require.False(t, consumererror.IsPermanent(err), err)
		})
	}
}

func TestAGiantAnswerOverGRPCIsRefused(t *testing.T) {
	s := &server{answer: func(int) (ptraceotlp.ExportResponse, error) {
		response := ptraceotlp.NewExportResponse()
		response.PartialSuccess().SetErrorMessage(strings.Repeat("x", 8<<20))
		return response, nil
	}}
	cfg := to(listenGRPC(t, s))
	cfg.QueueConfig = none()
	err := start(t, cfg).ConsumeTraces(t.Context(), traces([2]string{"a", ""}))
	require.ErrorContains(t, err, "larger than max")
	require.True(t, consumererror.IsPermanent(err))
}

func TestTheLogTellsWhoTookTheWrongProtocol(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	requireTold(t, "http://"+listener.Addr().String(),
		"a gRPC server listens there: for OTLP over gRPC leave the scheme out of the endpoint")

	web := listenHTTP(t, http.NotFoundHandler())
	requireTold(t, strings.Replace(web, "http", "https", 1),
		"the server does not encrypt: begin the endpoint with http://")
	requireTold(t, strings.TrimPrefix(web, "http://"),
		"an HTTP server listens there: for OTLP over HTTP begin the endpoint with http://")
}

// requireTold makes attempts until the error of one has this hint. A server that
// ends the connection at once may do so before its first bytes, from which the hint
// is made, have been read.
func requireTold(t *testing.T, endpoint, hint string) {
	t.Helper()
	var errs []string
	for end := time.Now().Add(patience); time.Now().Before(end); {
		err := offer(t, endpoint)
		require.Error(t, err)
		if strings.Contains(err.Error(), hint) {
			return
		}
		errs = append(errs, err.Error())
	}
	require.Fail(t, "no error has the hint", "%s\n%s", hint, strings.Join(errs, "\n"))
}
