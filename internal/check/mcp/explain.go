package mcp

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// sdkRejected is the JSON-RPC error code by which the SDK marks requests that
// failed without breaking the connection; no server sent it.
const sdkRejected = -32005

// refused is true when the server answered the last request, if only to say no.
// Who may not enter in one era of the protocol may not in the other.
func (r *run) refused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx.Err() == nil && r.err == nil && r.status != 0 && !unauthorized(r.status)
}

// explain turns an error into a line for a person. Texts of the SDK and of the
// server can hold the URL and anything else, so they are never passed on.
func (r *run) explain(target string, err error) (check.ErrorType, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.method == "" {
		// Nothing was sent.
		r.method = r.asking
	}
	reason := func(cause string) string { return r.method + " at " + target + ": " + cause }

	if r.ctx.Err() != nil {
		return check.Timeout, reason("no answer in time")
	}
	if r.err != nil {
		if errors.Is(r.err, errTooLarge) {
			return check.Protocol, reason(errTooLarge.Error())
		}
		switch kind := check.Classify(r.err, check.Protocol); kind {
		case check.Timeout:
			return kind, reason("no answer in time")
		case check.DNS:
			return kind, reason("the name cannot be resolved")
		case check.Refused:
			return kind, reason("the connection was refused or reset")
		case check.TLS:
			return kind, reason("the TLS handshake failed")
		default:
			return kind, reason("the answer broke off or is not one of HTTP")
		}
	}
	var server *jsonrpc.Error
	switch {
	case unauthorized(r.status):
		return check.Auth, reason(fmt.Sprintf("the server does not let us in: status %d", r.status))
	case errors.As(err, &server) && server.Code != sdkRejected:
		return check.Protocol, reason(fmt.Sprintf("the server answered with JSON-RPC error %d", server.Code))
	case r.status != 0 && (r.status < 200 || r.status > 299):
		return check.Protocol, reason(fmt.Sprintf("the server answered with status %d", r.status))
	default:
		return check.Protocol, reason("the answer is not one that MCP allows")
	}
}

func unauthorized(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
