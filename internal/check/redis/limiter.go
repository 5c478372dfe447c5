package redis

import (
	"errors"
	"net"
)

const (
	// maxBytes is how much a server may say in one run. INFO has some 10 KiB,
	// CLUSTER NODES about 150 bytes a node.
	maxBytes = 4 << 20
	// maxHeader is how long the first line of a reply may be, error texts included.
	maxHeader = 4 << 10
	// maxElements is how many elements all collections of one run may have.
	maxElements = 64 << 10
)

var errTooMuch = errors.New("the answer is too large")

// limiter is a connection that never delivers a reply too large to bear. The client
// allocates what the header of a reply announces, before it comes, so a server
// that announces a terabyte would end the whole process; limiter reads along and
// fails first.
//
// It follows RESP (Redis serialization protocol specification, versions 2 and 3):
// a reply is a line whose first byte is its type; strings are followed by as many
// bytes as the line announces; the elements of a collection are replies of their
// own.
type limiter struct {
	net.Conn
	// spent and elements count what came since the last refill.
	spent    int
	elements int
	// header is the line being read.
	header []byte
	// skip is how many bytes of a string are still to come.
	skip int
}

// refill lets the server speak as much again.
func (l *limiter) refill() { l.spent, l.elements = 0, 0 }

// Read reads from the connection and fails once it has seen too much.
func (l *limiter) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if followErr := l.follow(b[:n]); followErr != nil {
		return 0, followErr
	}
	return n, err
}

func (l *limiter) follow(b []byte) error {
	if l.spent += len(b); l.spent > maxBytes {
		return errTooMuch
	}
	for len(b) > 0 {
		if l.skip > 0 {
			n := min(l.skip, len(b))
			l.skip -= n
			b = b[n:]
			continue
		}
		c := b[0]
		b = b[1:]
		if c != '\n' {
			if l.header = append(l.header, c); len(l.header) > maxHeader {
				return errTooMuch
			}
			continue
		}
		if err := l.endHeader(); err != nil {
			return err
		}
	}
	return nil
}

func (l *limiter) endHeader() error {
	header := l.header
	l.header = l.header[:0]
	if len(header) == 0 {
		return nil
	}
	switch header[0] {
	case '$', '=', '!':
		n, ok := length(header[1:])
		if !ok {
			return errTooMuch
		}
		l.skip = n + len("\r\n")
		if string(header) == "$-1\r" {
			l.skip = 0
		}
	case '*', '~', '>', '%', '|':
		n, ok := length(header[1:])
		if l.elements += n; !ok || l.elements > maxElements {
			return errTooMuch
		}
	}
	return nil
}

// length reads what a header announces; it is false for more than maxBytes. What
// is no number is left to the client to refuse.
func length(digits []byte) (int, bool) {
	n := 0
	for _, c := range digits {
		if c < '0' || c > '9' {
			break
		}
		if n = n*10 + int(c-'0'); n > maxBytes {
			return 0, false
		}
	}
	return n, true
}
