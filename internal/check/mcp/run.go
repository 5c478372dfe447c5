package mcp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

const (
	// maxBody is how large one answer may be, in bytes.
	maxBody = 4 << 20
	// endSession is how long ending a session may take.
	endSession = time.Second
)

var errTooLarge = errors.New("the answer is larger than 4 MiB")

// run is what one Run sees of the conversation. It sits above the SDK, as
// middleware that times the requests, and below it, as an http.RoundTripper,
// because the SDK's errors no longer tell what the network or the server said.
type run struct {
	ctx   context.Context
	next  http.RoundTripper
	steps []check.Step

	// mu guards what the SDK's own goroutines tell.
	mu sync.Mutex
	// asking is the request that the SDK was given. It may refuse to send it.
	asking string
	// method is the last request that was sent; status and err are what the server
	// and the network made of it.
	method string
	status int
	err    error
}

// observe times the requests, pages of a list together.
func (r *run) observe(next mcp.MethodHandler) mcp.MethodHandler {
	names := map[string]string{"server/discover": "discover", "initialize": "initialize", "tools/list": "list"}
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		name, ok := names[method]
		if !ok {
			return next(ctx, method, request)
		}
		r.mu.Lock()
		r.asking = method
		r.mu.Unlock()
		start := time.Now()
		result, err := next(ctx, method, request)
		took := time.Since(start)
		if last := len(r.steps) - 1; last >= 0 && r.steps[last].Name == name {
			r.steps[last].Duration += took
		} else {
			r.steps = append(r.steps, check.Step{Name: name, Duration: took})
		}
		return result, err
	}
}

// RoundTrip sends a request within the time of the run. Once that is over only the
// request that ends a session goes out: the SDK would also tell the server, in the
// background, that we lost interest.
func (r *run) RoundTrip(request *http.Request) (*http.Response, error) {
	// The SDK ends a session in Close, when all requests are over.
	ending := request.Method == http.MethodDelete
	ctx, cancel := request.Context(), context.CancelFunc(func() {})
	if ending {
		ctx, cancel = context.WithTimeout(ctx, endSession)
	} else if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	next := r.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(request.WithContext(ctx))
	if err != nil {
		cancel()
		if !ending {
			r.saw(0, err)
		}
		return nil, err
	}
	if !ending {
		r.saw(response.StatusCode, nil)
	}
	response.Body = &body{ReadCloser: response.Body, left: maxBody, run: r, cancel: cancel}
	return response, nil
}

func (r *run) saw(status int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.status, r.err = r.asking, status, err
}

// body is an answer that may not be larger than maxBody.
type body struct {
	io.ReadCloser
	left   int
	run    *run
	cancel context.CancelFunc
}

// Read reads, and fails past the limit.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	// One byte more tells a body of just the limit from a larger one.
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		n, err = n-1, errTooLarge
	}
	if err != nil && err != io.EOF {
		b.run.mu.Lock()
		b.run.err = err
		b.run.mu.Unlock()
	}
	return n, err
}

// Close closes the body and ends the context of its request.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
