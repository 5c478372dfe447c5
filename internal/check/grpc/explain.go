package grpc

import (
	"context"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

// meaning says what a server's word about its health means.
func meaning(s healthpb.HealthCheckResponse_ServingStatus) string {
	switch s {
	case healthpb.HealthCheckResponse_NOT_SERVING:
		return "the service is not serving (NOT_SERVING)"
	case healthpb.HealthCheckResponse_SERVICE_UNKNOWN:
		return "it does not know the service (SERVICE_UNKNOWN)"
	default:
		return "the health of the service is not known (UNKNOWN)"
	}
}

// explain turns an error of a step into a line for a person. What the server wrote
// can hold anything, so it is never passed on: the meaning of its status code is.
func (p *Probe) explain(ctx context.Context, err error, step string) (check.ErrorType, string) {
	act := "connecting to "
	if step == "check" {
		act = "checking "
	}
	reason := func(cause string) string { return act + p.settings.Endpoint + ": " + cause }
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	if step == "check" {
		kind, cause := explainCode(status.Code(err))
		if ctx.Err() != nil {
			kind, cause = check.Timeout, "no answer in time"
		}
		return kind, reason(cause)
	}
	kind := check.Classify(err, check.Protocol)
	if ctx.Err() != nil {
		kind = check.Timeout
	}
	switch kind {
	case check.Timeout:
		return kind, reason("no answer in time")
	case check.DNS:
		return kind, reason("the name cannot be resolved")
	case check.Refused:
		return kind, reason("the connection was refused or reset")
	case check.TLS:
		return kind, reason("the TLS handshake failed")
	default:
		if step == "tls" {
			return check.TLS, reason("the TLS handshake failed")
		}
		return kind, reason("the connection broke off")
	}
}

// explainCode gives a status code its meaning for a health check (gRPC health
// checking protocol; gRPC, "Status codes and their use").
func explainCode(code codes.Code) (check.ErrorType, string) {
	switch code {
	case codes.NotFound:
		return check.Assertion, "the server does not know the service (NotFound)"
	case codes.Unimplemented:
		return check.Protocol, "the server does not offer grpc.health.v1 (Unimplemented)"
	case codes.Unauthenticated, codes.PermissionDenied:
		return check.Auth, "the server does not let us in (" + code.String() + ")"
	case codes.DeadlineExceeded:
		return check.Timeout, "the server gave up (DeadlineExceeded)"
	case codes.Unavailable:
		return check.Protocol, "the server is not available, the connection broke off, or it is not one of gRPC (Unavailable)"
	case codes.ResourceExhausted:
		return check.Protocol, "the server has no capacity left, or the answer is too large (ResourceExhausted)"
	default:
		return check.Protocol, "the server answered with status " + code.String()
	}
}
