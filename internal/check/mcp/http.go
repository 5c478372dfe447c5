package mcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// endSession is how long ending a session may take, and endLate how long when
	// the time of the run is over.
	endSession = time.Second
	endLate    = 200 * time.Millisecond
)

// overHTTP returns the transport of a run over streamable HTTP.
func (r *run) overHTTP() mcp.Transport {
	client := *r.settings.Client
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	client.Transport = &transport{run: r, next: next}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &mcp.StreamableClientTransport{
		Endpoint:             r.settings.Endpoint,
		HTTPClient:           &client,
		MaxRetries:           -1,
		DisableStandaloneSSE: true,
		MaxEventSize:         maxRead,
	}
}

// transport is an http.RoundTripper that keeps requests and answers within the
// limits and the time of a run.
type transport struct {
	run  *run
	next http.RoundTripper
}

// RoundTrip sends a request within the time of the run. Once that is over only the
// request that ends a session goes out: the SDK would also tell the server, in the
// background, that we lost interest.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodDelete {
		return t.end(request)
	}
	if err := t.run.ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.run.limits.request(); err != nil {
		t.run.saw(0, err)
		return nil, err
	}
	ctx, cancel := context.WithCancel(httptrace.WithClientTrace(request.Context(), t.hooks()))
	stop := context.AfterFunc(t.run.ctx, cancel)
	release := func() { stop(); cancel() }
	response, err := t.next.RoundTrip(t.replayable(request.WithContext(ctx)))
	if err != nil {
		release()
		t.failed(err)
		return nil, err
	}
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		t.certificate(response.TLS.PeerCertificates[0])
	}
	sent := t.run.saw(response.StatusCode, nil)
	response.Body = &body{ReadCloser: response.Body, run: t.run, sent: sent, release: release}
	if err := checkID(request, response); err != nil {
		t.run.broke(sent, err)
		return nil, err
	}
	return response, nil
}

// replayable has http.Transport send a request once more, on a connection of its
// own, when one that an earlier run left ended under it: it does so for what is
// marked as idempotent, and an empty list of keys is a mark that is not sent. A
// server that was restarted, or stopped, is judged by the new connection. Only a
// call may do something that must not be done twice.
func (t *transport) replayable(request *http.Request) *http.Request {
	t.run.mu.Lock()
	asking := t.run.asking
	t.run.mu.Unlock()
	if asking != "tools/call" {
		request.Header = request.Header.Clone()
		request.Header["Idempotency-Key"] = nil
	}
	return request
}

// end sends the request that ends a session, which the SDK does when all others
// are over. A session that is left costs the server memory.
func (t *transport) end(request *http.Request) (*http.Response, error) {
	limit := endSession
	if deadline, ok := t.run.ctx.Deadline(); ok {
		limit = min(limit, max(endLate, time.Until(deadline)))
	}
	ctx, cancel := context.WithTimeout(request.Context(), limit)
	response, err := t.next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = &ending{ReadCloser: response.Body, release: cancel}
	return response, nil
}

// ending is the answer to a request that ends a session. Nobody reads it.
type ending struct {
	io.ReadCloser
	release func()
}

// Close closes the body and ends the context of its request. A connection whose
// answers are read to the end is kept.
func (e *ending) Close() error {
	defer e.release()
	_, _ = io.CopyN(io.Discard, e.ReadCloser, 4<<10)
	return e.ReadCloser.Close()
}

func (t *transport) failed(err error) {
	var invalid *tls.CertificateVerificationError
	if errors.As(err, &invalid) && len(invalid.UnverifiedCertificates) > 0 {
		t.certificate(invalid.UnverifiedCertificates[0])
	}
	t.run.saw(0, err)
}

func (t *transport) certificate(c *x509.Certificate) {
	t.run.mu.Lock()
	defer t.run.mu.Unlock()
	t.run.certificate = c
}

// hooks times the making of a connection. They also see the headers as they go
// out, whoever added them below us.
func (t *transport) hooks() *httptrace.ClientTrace {
	line := &t.run.timeline
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { line.connecting("dns") },
		ConnectStart:      func(string, string) { line.connecting("connect") },
		TLSHandshakeStart: func() { line.connecting("tls") },
		GotConn:           func(httptrace.GotConnInfo) { line.got() },
		WroteHeaderField: func(key string, values []string) {
			if len(values) != 1 || !strings.EqualFold(key, "authorization") {
				return
			}
			if expires, ok := tokenExpiry(values[0]); ok {
				t.run.mu.Lock()
				defer t.run.mu.Unlock()
				t.run.token = expires
			}
		},
	}
}

// checkID fails when a server answers a request with JSON to another one, which
// the SDK would drop, and wait.
func checkID(request *http.Request, response *http.Response) error {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind != "application/json" || response.StatusCode != http.StatusOK || request.GetBody == nil {
		return nil
	}
	sent, err := request.GetBody()
	if err != nil {
		return err
	}
	question, err := io.ReadAll(sent)
	if err != nil {
		return err
	}
	asked, ok := idOf(question)
	if !ok {
		return nil
	}
	answer, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if given, ok := idOf(answer); ok && !bytes.Equal(asked, given) {
		return errWrongID
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	return nil
}

// idOf returns the id of a JSON-RPC message, false if it has none.
func idOf(message []byte) (json.RawMessage, bool) {
	var envelope struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(message, &envelope) != nil || envelope.ID == nil || string(envelope.ID) == "null" {
		return nil, false
	}
	return envelope.ID, true
}

// body is an answer that is read within the limits of its run.
type body struct {
	io.ReadCloser
	run     *run
	sent    int
	scanner scanner
	release func()
}

// Read reads, and fails past a limit.
func (b *body) Read(p []byte) (int, error) {
	// One byte more tells an answer of just the limit from a larger one.
	if limit := b.run.limits.left() + 1; len(p) > limit {
		p = p[:limit]
	}
	n, err := b.ReadCloser.Read(p)
	if exceeded := b.run.limits.take(p[:n], &b.scanner); exceeded != nil {
		n, err = 0, exceeded
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.run.broke(b.sent, err)
	}
	return n, err
}

// Close closes the body and ends the context of its request.
func (b *body) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}
