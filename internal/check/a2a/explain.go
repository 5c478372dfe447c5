package a2a

import (
	"context"
	"errors"
	"net/http"

	"github.com/a2aproject/a2a-go/v2/a2a"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// ours are errors that say in our own words what is wrong.
var ours = []struct {
	err  error
	kind check.ErrorType
}{
	{errNoCard, check.Protocol},
	{errNoName, check.Protocol},
	{errNoInterface, check.Protocol},
	{errNoAnswer, check.Protocol},
	{errNoWay, check.Assertion},
	{errUnexpected, check.Assertion},
	{errUnfinished, check.ToolError},
	{errFailed, check.ToolError},
	{errWantsAuth, check.Auth},
}

// explain turns an error of a step into a line for a person. The texts of the
// client and of the agent can hold anything, so they are never passed on.
func (p *Probe) explain(ctx context.Context, err error, step string) (check.ErrorType, string) {
	act := map[string]string{"card": "getting the card from ", "canary": "sending the canary to "}[step]
	reason := func(cause string) string { return act + p.origin.Host + ": " + cause }
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	for _, own := range ours {
		if errors.Is(err, own.err) {
			return own.kind, reason(own.err.Error())
		}
	}
	var status statusError
	if errors.As(err, &status) {
		switch status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return check.Auth, reason(status.Error())
		case http.StatusNotFound:
			if step == "card" {
				return check.Protocol, reason("there is no card (status 404)")
			}
		}
		return check.Protocol, reason(status.Error())
	}
	kind := check.Classify(err, check.Protocol)
	if ctx.Err() != nil {
		kind = check.Timeout
	}
	var said *a2a.Error
	switch {
	case kind == check.Timeout:
		return kind, reason("no answer in time")
	case kind == check.DNS:
		return kind, reason("the name cannot be resolved")
	case kind == check.Refused:
		return kind, reason("the connection was refused or reset")
	case kind == check.TLS:
		return kind, reason("the TLS handshake failed")
	case errors.Is(err, a2a.ErrUnauthenticated), errors.Is(err, a2a.ErrUnauthorized):
		return check.Auth, reason("the agent does not let us in")
	case errors.Is(err, a2a.ErrVersionNotSupported):
		return check.Protocol, reason("the agent does not speak the version that its card claims")
	case errors.As(err, &said):
		return check.ToolError, reason("the agent answered with an error")
	default:
		return kind, reason("the answer broke off or is not one of A2A")
	}
}
