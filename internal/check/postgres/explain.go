package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/watchkeeper/watchkeeper/internal/check"
	"github.com/watchkeeper/watchkeeper/internal/check/guard"
)

var (
	errNotOne       = errors.New("SELECT 1 did not give 1")
	errNoStatistics = errors.New("the statistics are not numbers")
)

// explain turns an error of a step into a line for a person. The driver's texts
// hold the user and the database, and the server's can hold anything, so they are
// never passed on: the SQLSTATE is, and what it means.
func (p *Probe) explain(ctx context.Context, err error, step string) (check.ErrorType, string) {
	act := "querying"
	if step == "connect" {
		act = "connecting to"
	}
	reason := func(cause string) string { return act + " " + p.settings.Endpoint + ": " + cause }

	var server *pgconn.PgError
	if errors.As(err, &server) {
		kind, meaning := explainState(server.Code)
		return kind, reason(meaning)
	}
	if cause, ok := guard.Reason(err); ok {
		return check.Classify(err, check.Protocol), reason(cause)
	}
	if errors.Is(err, errNotOne) || errors.Is(err, errNoStatistics) {
		return check.Protocol, reason(err.Error())
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
		// The driver says so by text alone.
		if strings.Contains(err.Error(), "server refused TLS connection") {
			return check.TLS, reason("the server does not speak TLS")
		}
		if strings.Contains(err.Error(), "failed SASL auth") {
			return check.Auth, reason("authentication failed")
		}
		return kind, reason("the connection ended, or the answer is not one of PostgreSQL")
	}
}

// explainState gives a SQLSTATE its meaning (PostgreSQL manual, appendix A).
func explainState(code string) (check.ErrorType, string) {
	kind, meaning := check.Protocol, "the server refused"
	switch {
	case len(code) != 5 || strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return kind, "the server refused without saying why"
	case strings.HasPrefix(code, "28"):
		kind, meaning = check.Auth, "authentication failed"
	case code == "42501":
		kind, meaning = check.Auth, "the user lacks a privilege"
	case code == "3D000":
		meaning = "the database does not exist"
	case code == "53300":
		meaning = "there are too many connections"
	case code == "57014":
		kind, meaning = check.Timeout, "the query was cancelled or took too long"
	case code == "57P03":
		meaning = "the server is starting up or shutting down"
	case strings.HasPrefix(code, "57P"):
		meaning = "the server is shutting down"
	case strings.HasPrefix(code, "53"):
		meaning = "the server lacks resources"
	case strings.HasPrefix(code, "08"):
		meaning = "a pooler could not connect"
	}
	return kind, fmt.Sprintf("%s (SQLSTATE %s)", meaning, code)
}
