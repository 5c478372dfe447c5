package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"
)

// ErrorType says what kind of failure stands behind a verdict. The list is
// closed, because it becomes a metric attribute.
type ErrorType string

const (
	// None stands for no failure.
	None ErrorType = ""
	// Timeout: the target did not answer in time.
	Timeout ErrorType = "timeout"
	// Refused: nothing listens, or the network turned the connection away.
	Refused ErrorType = "refused"
	// DNS: the name of the target could not be resolved.
	DNS ErrorType = "dns"
	// TLS: the handshake or the verification of a certificate failed.
	TLS ErrorType = "tls"
	// Auth: the target does not accept who we are.
	Auth ErrorType = "auth"
	// Protocol: the target answered something that its protocol does not allow.
	Protocol ErrorType = "protocol"
	// Assertion: the answer is valid but not the expected one, or a threshold is
	// passed.
	Assertion ErrorType = "assertion"
	// ToolError: a tool behind the target said that it failed.
	ToolError ErrorType = "tool_error"
	// Internal: the fault is ours.
	Internal ErrorType = "internal"
)

// Classify finds the ErrorType of an error of the standard library: a dialer's,
// a TLS handshake's, a context's. For anything else it returns fallback, which
// is what the caller's protocol makes of an error that the network did not cause.
// A nil error is None.
func Classify(err error, fallback ErrorType) ErrorType {
	var (
		dns          *net.DNSError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		timeout      interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return None
	case errors.As(err, &dns) && !dns.IsTimeout:
		return DNS
	case errors.As(err, &record), errors.As(err, &alert), errors.As(err, &verification),
		errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		return TLS
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Refused
	default:
		return fallback
	}
}
