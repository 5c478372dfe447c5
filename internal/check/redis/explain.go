package redis

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

var errNotPong = errors.New("the answer to PING is not PONG")

// answered is true when the error is one that the server sent.
func answered(err error) bool {
	var server redis.Error
	return errors.As(err, &server)
}

// explain turns an error of a step into a line for a person. What the server wrote
// can hold anything, so it is never passed on: the meaning of its error code is.
func (p *Probe) explain(ctx context.Context, err error, step string) (check.ErrorType, string) {
	act := map[string]string{"connect": "connecting to ", "ping": "PING to ", "info": "INFO of ", "cluster": "CLUSTER NODES of ", "sentinel": "SENTINEL MASTERS of ", "round_trip": "the round trip to "}[step]
	reason := func(cause string) string { return act + p.settings.Endpoint + ": " + cause }

	if answered(err) {
		kind, meaning := explainCode(err)
		return kind, reason(meaning)
	}
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	for _, own := range []error{errTaken, errOther, errLost} {
		if errors.Is(err, own) {
			return check.Assertion, reason(own.Error())
		}
	}
	for _, own := range []error{errNotPong, errNotNodes, errNotCluster, errNotMasters, errNoKey, errTooMuch} {
		if errors.Is(err, own) {
			return check.Protocol, reason(own.Error())
		}
	}
	if ctx.Err() != nil {
		return check.Timeout, reason("no answer in time")
	}
	switch kind := check.Classify(err, check.Protocol); kind {
	case check.Timeout:
		return kind, reason("no answer in time")
	case check.DNS:
		return kind, reason("the name cannot be resolved")
	case check.Refused:
		return kind, reason("the connection was refused or reset")
	case check.TLS:
		return kind, reason("the TLS handshake failed")
	default:
		return kind, reason("the connection ended, or the answer is not one of Redis")
	}
}

// explainCode gives the first word of an error reply its meaning. The word may
// stand behind a prefix of the client's.
func explainCode(err error) (check.ErrorType, string) {
	text := strings.TrimPrefix(err.Error(), "failed to authenticate: ")
	code, _, _ := strings.Cut(text, " ")
	switch code {
	case "NOAUTH":
		return check.Auth, "a password is required (NOAUTH)"
	case "WRONGPASS":
		return check.Auth, "wrong username or password (WRONGPASS)"
	case "NOPERM":
		return check.Auth, "the user lacks a permission (NOPERM)"
	case "LOADING":
		return check.Protocol, "the server is loading its data and serves nothing yet (LOADING)"
	case "MASTERDOWN":
		return check.Protocol, "the replica has lost its primary and serves nothing (MASTERDOWN)"
	case "READONLY":
		return check.Protocol, "the server is a replica and takes no writes (READONLY)"
	case "OOM":
		return check.Protocol, "the memory is full and no writes are taken (OOM)"
	case "MISCONF":
		return check.Protocol, "the server cannot save to disk and takes no writes (MISCONF)"
	case "NOREPLICAS":
		return check.Protocol, "too few replicas are connected and no writes are taken (NOREPLICAS)"
	case "CLUSTERDOWN":
		return check.Protocol, "the cluster is down (CLUSTERDOWN)"
	case "MOVED", "ASK", "TRYAGAIN":
		return check.Protocol, "the slot is moving to another node (" + code + ")"
	case "BUSY":
		return check.Protocol, "the server is busy with a script (BUSY)"
	case "DENIED":
		return check.Auth, "protected mode keeps us out (DENIED)"
	}
	// Redis 5 and older know no code for these.
	if strings.HasPrefix(text, "ERR invalid password") || strings.HasPrefix(text, "ERR Client sent AUTH") ||
		strings.HasPrefix(text, "ERR AUTH") || strings.Contains(text, "without any password configured") {
		return check.Auth, "the password was not accepted"
	}
	if strings.HasPrefix(text, "ERR max number of clients") {
		return check.Protocol, "there are too many clients"
	}
	return check.Protocol, "the server refused"
}
