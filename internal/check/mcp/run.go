package mcp

import (
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// stepOf names the steps of the requests that are part of a run.
var stepOf = map[string]string{
	"server/discover": "discover", "initialize": "initialize", "tools/list": "list", "tools/call": "call",
}

// run is what one Run sees of the conversation. It sits above the SDK, as
// middleware that times the requests, and its transport sits below, because the
// SDK's errors no longer tell what the network or the server said.
type run struct {
	// ctx is the context of the run; the transports have no other way to it.
	ctx      context.Context
	settings *Settings
	limits   limits
	timeline timeline
	// impatient is true when discover was given up for initialize.
	impatient atomic.Bool

	// mu guards what the SDK's own goroutines tell.
	mu sync.Mutex
	// asking is the request that the SDK was given. It may refuse to send it.
	asking string
	// method is the last request that was sent; status and err are what the server
	// and the network made of it.
	method string
	status int
	err    error
	// sent counts the requests that were sent.
	sent int
	// failed is the step in which the last request ended, if it failed.
	failed string
	// child is the server over stdio, once there is one.
	child *child
	// certificate is that of the server, nil for none.
	certificate *x509.Certificate
	// token is when the JWT that authorizes us expires; zero for none.
	token time.Time
}

// observe times the requests, pages of a list together, and keeps the SDK from
// falling back from discover to initialize where that is no use.
func (r *run) observe(probing bool) mcp.Middleware {
	var discovery error
	return func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
			step, ok := stepOf[method]
			if !ok {
				return next(ctx, method, request)
			}
			if method == "initialize" && discovery != nil && !r.mayFallBack() {
				return nil, discovery
			}
			if deadline, ok := ctx.Deadline(); ok && probing && method == "server/discover" {
				// There are old servers that do not answer what they do not know.
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
				defer time.AfterFunc(time.Until(deadline)/2, func() {
					if !r.timeline.reaching() {
						r.impatient.Store(true)
						cancel()
					}
				}).Stop()
			}
			r.mu.Lock()
			r.asking, r.failed = method, ""
			r.mu.Unlock()
			r.timeline.begin(step)
			result, err := next(ctx, method, request)
			last := r.timeline.end()
			if err != nil {
				r.mu.Lock()
				r.failed = last
				r.mu.Unlock()
			}
			if method == "server/discover" {
				discovery = err
			}
			return result, err
		}
	}
}

// mayFallBack is true when the server did not like the request of one era but may
// like that of the other. Who cannot be reached, or does not let us in, will not.
func (r *run) mayFallBack() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.settings.Protocol != Auto || r.ctx.Err() != nil || unauthorized(r.status) || r.limits.over() {
		return false
	}
	switch check.Classify(r.err, check.Protocol) {
	case check.None, check.Protocol, check.Timeout:
		return !errors.Is(r.err, errEnded)
	default:
		return false
	}
}

// refused is true when the server answered the last request, if only to say no.
func (r *run) refused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx.Err() == nil && r.err == nil && !unauthorized(r.status) && r.method != ""
}

// ended is true when a server over stdio is gone.
func (r *run) ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx.Err() == nil && errors.Is(r.err, errEnded)
}

// saw notes what became of the request that was sent last, and returns its number.
func (r *run) saw(status int, err error) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.status, r.err = r.asking, status, err
	r.sent++
	return r.sent
}

// broke notes that the answer to a request broke off, unless another one has been
// sent since.
func (r *run) broke(sent int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent == sent {
		r.err = err
	}
}

// end makes sure that a server over stdio is gone.
func (r *run) end() {
	r.mu.Lock()
	child := r.child
	r.mu.Unlock()
	if child != nil {
		child.end(r.ctx)
	}
}

func (r *run) steps() []check.Step {
	r.mu.Lock()
	failed := r.failed
	r.mu.Unlock()
	return r.timeline.taken(failed)
}
