package mcp

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"syscall"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// sdkRejected is the JSON-RPC error code by which the SDK marks requests that
// failed without breaking the connection; no server sent it.
const sdkRejected = -32005

// explain turns an error into a line for a person: what was done, where, and how it
// failed. Texts of the SDK and of the server can hold the URL and anything else, so
// they are never passed on, but for the last line that a server over stdio wrote on
// its standard error output.
func (r *run) explain(target string, err error) (check.ErrorType, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	act := r.method
	switch {
	case r.failed == "dns" || r.failed == "connect" || r.failed == "tls" || r.failed == "spawn":
		act = r.failed
	case act == "":
		// Nothing was sent.
		act = r.asking
	}
	kind, cause := r.cause(err)
	reason := act + " at " + target + ": " + cause
	if r.child != nil {
		if line := r.child.stderr.line(secretsOf(r.settings)); line != "" {
			reason += "; its standard error output says: " + line
		}
	}
	return kind, reason
}

func (r *run) cause(err error) (check.ErrorType, string) {
	var server *jsonrpc.Error
	switch {
	case r.ctx.Err() != nil:
		return check.Timeout, "no answer in time"
	case r.failed == "spawn":
		return r.notStarted()
	case r.err != nil:
		return r.broken()
	case unauthorized(r.status):
		return check.Auth, fmt.Sprintf("the server does not let us in: status %d", r.status)
	case errors.As(err, &server) && server.Code == mcp.CodeUnsupportedProtocolVersion && r.settings.Protocol != Auto:
		return check.Assertion, "the server does not speak protocol " + r.settings.Protocol
	case errors.As(err, &server) && server.Code != sdkRejected:
		return check.Protocol, fmt.Sprintf("the server answered with JSON-RPC error %d", server.Code)
	case r.status != 0 && (r.status < 200 || r.status > 299):
		return check.Protocol, fmt.Sprintf("the server answered with status %d", r.status)
	default:
		return check.Protocol, "the answer is not one that MCP allows"
	}
}

// broken explains what the transport ran into.
func (r *run) broken() (check.ErrorType, string) {
	for _, known := range []error{
		errTooLarge, errTooDeep, errTooMany, errTooManyRequests, errTooManyMessages, errWrongID, errNoMessage,
	} {
		if errors.Is(r.err, known) {
			return check.Protocol, known.Error()
		}
	}
	if errors.Is(r.err, errEnded) {
		if r.child.died != "" {
			return check.Refused, r.child.died
		}
		return check.Refused, "the server closed its standard output"
	}
	kind := check.Classify(r.err, check.Protocol)
	if forbidden, ok := guard.Reason(r.err); ok {
		return kind, forbidden
	}
	switch kind {
	case check.Timeout:
		return kind, "no answer in time"
	case check.DNS:
		return kind, "the name cannot be resolved"
	case check.Refused:
		return kind, "the connection was refused or reset"
	case check.TLS:
		return kind, "the TLS handshake failed"
	default:
		return kind, "the answer broke off or is not one of HTTP"
	}
}

// notStarted explains why there is no server over stdio.
func (r *run) notStarted() (check.ErrorType, string) {
	var errno syscall.Errno
	switch {
	case errors.Is(r.err, fs.ErrNotExist):
		return check.Refused, "there is no such program or directory"
	case errors.Is(r.err, fs.ErrPermission):
		return check.Auth, "we may not run the program"
	case errors.As(r.err, &errno) && (errno == syscall.ENOEXEC || errno == syscall.ENOTDIR || errno == syscall.E2BIG):
		return check.Refused, "the program cannot be run: " + errno.Error()
	case errors.As(r.err, &errno):
		return check.Internal, "the program cannot be started: " + errno.Error()
	default:
		return check.Internal, "the program cannot be started"
	}
}

func unauthorized(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
