package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClassify(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want ErrorType
	}{
		"nil":                    {nil, None},
		"foreign":                {errors.New("WRONGTYPE"), Protocol},
		"end of stream":          {io.ErrUnexpectedEOF, Protocol},
		"unknown host":           {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nowhere", IsNotFound: true}}, DNS},
		"slow resolver":          {&net.DNSError{Err: "i/o timeout", IsTimeout: true}, Timeout},
		"deadline":               {fmt.Errorf("query: %w", context.DeadlineExceeded), Timeout},
		"connection deadline":    {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, Timeout},
		"cancelled":              {context.Canceled, Protocol},
		"refused":                {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, Refused},
		"reset":                  {os.NewSyscallError("read", syscall.ECONNRESET), Refused},
		"no route":               {os.NewSyscallError("connect", syscall.EHOSTUNREACH), Refused},
		"no network":             {os.NewSyscallError("connect", syscall.ENETUNREACH), Refused},
		"kernel's timeout":       {os.NewSyscallError("connect", syscall.ETIMEDOUT), Timeout},
		"plaintext for TLS":      {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, TLS},
		"alert":                  {tls.AlertError(42), TLS},
		"unverified":             {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, TLS},
		"unknown authority":      {x509.UnknownAuthorityError{}, TLS},
		"wrong host":             {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "db"}, TLS},
		"expired":                {x509.CertificateInvalidError{Reason: x509.Expired}, TLS},
		"joined with the reason": {errors.Join(errors.New("x"), syscall.ECONNREFUSED), Refused},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, Classify(tc.err, Protocol)) })
	}
}

func TestClassifyErrorsOfRealDials(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, err = net.DialTimeout("tcp", closed.Addr().String(), time.Second)
	require.Equal(t, Refused, Classify(err, Internal))

	server := httptest.NewTLSServer(nil)
	defer server.Close()
	_, err = tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{})
	require.Equal(t, TLS, Classify(err, Internal))

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = (&tls.Dialer{}).DialContext(ctx, "tcp", silent.Addr().String())
	require.Equal(t, Timeout, Classify(err, Internal))
}
