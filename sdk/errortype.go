package sdk

import (
	"context"
	"errors"
	"net"
	"reflect"
)

const (
	// otherError is what the conventions call an error without a type.
	otherError = "_OTHER"
	// maxErrorType bounds a type that an error gives itself, in bytes; maxDepth the
	// wrapping that is looked through.
	maxErrorType = 64
	maxDepth     = 32
)

// ErrorType returns the value of error.type for an error: one of a number that the
// program's code bounds, whatever the error's text. It is, in this order: what the
// error or one that it wraps says by a method ErrorType() string, if that is a word
// of at most 64 letters, digits and "._-:/" characters; "timeout" for an exceeded deadline or a
// network timeout; "canceled" for a canceled context; the Go type of the outermost error
// with a type of its own, such as "*net.OpError"; "_OTHER". It is empty for nil.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	var named interface{ ErrorType() string }
	if errors.As(err, &named) {
		if name := named.ErrorType(); isWord(name) {
			return name
		}
	}
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return typeName(err)
}

// typeName returns the type of the outermost error that says more than that it
// wraps or holds a text.
func typeName(err error) string {
	for range maxDepth {
		t := reflect.TypeOf(err)
		owner := t
		if t.Kind() == reflect.Pointer {
			owner = t.Elem()
		}
		if path := owner.PkgPath(); path != "errors" && path != "fmt" && owner.Name() != "" {
			return t.String()
		}
		switch wrapped := err.(type) { //nolint:errorlint // it is the wrapping that is looked at
		case interface{ Unwrap() error }:
			err = wrapped.Unwrap()
		case interface{ Unwrap() []error }:
			all := wrapped.Unwrap()
			if len(all) == 0 {
				return otherError
			}
			err = all[0]
		default:
			return otherError
		}
		if err == nil {
			return otherError
		}
	}
	return otherError
}

func isWord(s string) bool {
	if s == "" || len(s) > maxErrorType {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '_', c == '-', c == ':', c == '/':
		default:
			return false
		}
	}
	return true
}
