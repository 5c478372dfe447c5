package http

import (
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// trace times the steps of one request. Each ends where the next begins. The
// client calls hooks from goroutines of its own, which may outlive the request.
type trace struct {
	mu    sync.Mutex
	steps []check.Step
	// current is the step being timed.
	current string
	since   time.Time
	// connected is true once a connection was got: what other connections do
	// from then on is not about this request.
	connected bool
	ended     bool
}

// newTrace begins with the step "request": that is all there is on a connection
// that was kept.
func newTrace() *trace { return &trace{current: "request", since: time.Now()} }

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { t.begin("dns") },
		ConnectStart:      func(string, string) { t.begin("connect") },
		TLSHandshakeStart: func() { t.begin("tls") },
		GotConn: func(httptrace.GotConnInfo) {
			t.begin("request")
			t.mu.Lock()
			t.connected = true
			t.mu.Unlock()
		},
	}
}

// begin ends the current step. A step that has begun already goes on: a dialer
// that races IPv6 against IPv4 connects more than once.
func (t *trace) begin(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || t.current == name || t.connected && name != "body" {
		return
	}
	now := time.Now()
	// What comes before the first hook is the client's own work.
	if len(t.steps) > 0 || t.current != "request" || name == "body" {
		t.steps = append(t.steps, check.Step{Name: t.current, Duration: now.Sub(t.since)})
	}
	t.current, t.since = name, now
}

// end ends the last step and returns all.
func (t *trace) end() []check.Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.steps = append(t.steps, check.Step{Name: t.current, Duration: time.Since(t.since)})
		t.ended = true
	}
	return t.steps
}
