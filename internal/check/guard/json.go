package guard

import (
	"errors"
	"io"
	"net/http"
)

// Limits bound what is read of an answer in JSON. The size alone would not do:
// four bytes of text can become a hundred in memory, and a parser may call itself
// for each level.
type Limits struct {
	// Bytes is how long the text may be, Depth how many objects and lists may be
	// open at once, and Values how many values there may be in all.
	Bytes, Depth, Values int
}

// DefaultLimits returns limits that no honest answer to a health check comes near:
// 4 MiB, 100 levels, 100,000 values.
func DefaultLimits() Limits { return Limits{Bytes: 4 << 20, Depth: 100, Values: 100_000} }

// What a reader of JSON says that has seen more than its limits allow.
var (
	ErrTooLarge = errors.New("the answer is too large")
	ErrTooDeep  = errors.New("the answer is nested too deeply")
	ErrTooMany  = errors.New("the answer holds too many values")
)

// JSON returns a reader that passes on what it reads from r, and fails at the
// first byte past a limit. It does not judge whether the text is JSON.
func JSON(r io.Reader, l Limits) io.Reader { return &jsonReader{from: r, limits: l} }

type jsonReader struct {
	from                 io.Reader
	limits               Limits
	bytes, depth, values int
	inString, escaped    bool
	err                  error
}

// Read implements io.Reader.
func (r *jsonReader) Read(b []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	// One byte more than allowed is enough to know.
	if room := r.limits.Bytes - r.bytes + 1; len(b) > room {
		b = b[:room]
	}
	n, err := r.from.Read(b)
	if r.err = r.follow(b[:n]); r.err != nil {
		return 0, r.err
	}
	return n, err
}

func (r *jsonReader) follow(b []byte) error {
	if r.bytes += len(b); r.bytes > r.limits.Bytes {
		return ErrTooLarge
	}
	for _, c := range b {
		if r.inString {
			switch {
			case r.escaped:
				r.escaped = false
			case c == '\\':
				r.escaped = true
			case c == '"':
				r.inString = false
			}
			continue
		}
		switch c {
		case '"':
			r.inString = true
		case ']', '}':
			r.depth = max(r.depth-1, 0)
		case '[', '{':
			if r.depth++; r.depth > r.limits.Depth {
				return ErrTooDeep
			}
			r.values++
		case ',':
			r.values++
		}
		if r.values > r.limits.Values {
			return ErrTooMany
		}
	}
	return nil
}

// JSONBodies returns a transport whose answers are read through [JSON].
func JSONBodies(next http.RoundTripper, l Limits) http.RoundTripper {
	return &jsonBodies{next: next, limits: l}
}

type jsonBodies struct {
	next   http.RoundTripper
	limits Limits
}

// RoundTrip implements http.RoundTripper.
func (t *jsonBodies) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{JSON(body, t.limits), body}
	return response, nil
}

// CloseIdleConnections is found by http.Client's method of that name.
func (t *jsonBodies) CloseIdleConnections() { closeIdle(t.next) }
