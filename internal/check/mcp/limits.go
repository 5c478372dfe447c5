package mcp

import (
	"errors"
	"sync"
)

const (
	// maxRead is how much of a server's answers is read in one run, in bytes.
	maxRead = 4 << 20
	// maxDepth is how deep JSON may be nested.
	maxDepth = 128
	// maxValues is how many values all answers of a run may hold: four million bytes
	// of "[[],[],…" take many times their size once they are decoded.
	maxValues = 1 << 18
	// maxRequests is how many requests a run may send, answers to what the server
	// asks among them.
	maxRequests = 256
	// maxMessages is how many messages a server may send: each costs us far more than
	// the server.
	maxMessages = 2000
)

var (
	errTooLarge        = errors.New("the answers are larger than 4 MiB")
	errTooDeep         = errors.New("the answer is nested deeper than 128 levels")
	errTooMany         = errors.New("the answers hold more than 262144 values")
	errTooManyRequests = errors.New("the server has us send more than 256 requests")
	errTooManyMessages = errors.New("the server sends more than 2000 messages")
	errWrongID         = errors.New("the answer is to a request that was not made")
	errNoMessage       = errors.New("the standard output holds a line that is no message")
	errEnded           = errors.New("the server ended")
)

// limits bounds what a server says during one run, whatever the transport. It
// looks at the bytes before they reach a decoder.
type limits struct {
	mu                      sync.Mutex
	bytes, values, messages int
	requests                int
	exceeded                error
}

// take counts what was read. The scanner belongs to the stream that it comes from.
func (l *limits) take(text []byte, s *scanner) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.exceeded != nil {
		return l.exceeded
	}
	seen := s.scan(text)
	l.bytes += len(text)
	l.values += seen.values
	l.messages += seen.messages
	switch {
	case l.bytes > maxRead:
		l.exceeded = errTooLarge
	case seen.tooDeep:
		l.exceeded = errTooDeep
	case l.values > maxValues:
		l.exceeded = errTooMany
	case l.messages > maxMessages:
		l.exceeded = errTooManyMessages
	}
	return l.exceeded
}

// left is how many bytes may still be read.
func (l *limits) left() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(0, maxRead-l.bytes)
}

// request counts a request of ours.
func (l *limits) request() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests++; l.requests > maxRequests && l.exceeded == nil {
		l.exceeded = errTooManyRequests
	}
	return l.exceeded
}

// scanner follows the nesting of JSON, in pieces of any size. It takes what
// surrounds JSON in an event stream, too: no string of JSON holds a line break, so
// one ends whatever a quotation mark in a comment began; an empty line, which ends
// an event, ends all nesting.
type scanner struct {
	depth           int
	inText, escaped bool
	lineBreak       bool
}

// seen is what a scanner saw in a text: about how many values, how many ends of
// objects and arrays that are in no other, and whether the nesting is too deep.
type seen struct {
	values, messages int
	tooDeep          bool
}

func (s *scanner) scan(text []byte) (found seen) {
	for _, c := range text {
		blank := s.lineBreak
		s.lineBreak = c == '\n'
		switch {
		case c == '\n':
			s.inText, s.escaped = false, false
			if blank {
				s.depth = 0
			}
		case c == '\r':
			s.lineBreak = blank
		case s.escaped:
			s.escaped = false
		case s.inText:
			s.escaped = c == '\\'
			s.inText = c != '"'
		case c == '"':
			s.inText = true
		case c == '{' || c == '[':
			found.values++
			if s.depth++; s.depth > maxDepth {
				found.tooDeep = true
				return found
			}
		case c == '}' || c == ']':
			if s.depth = max(0, s.depth-1); s.depth == 0 {
				found.messages++
			}
		case c == ',':
			found.values++
		}
	}
	return found
}

// over is true when the server went past a limit.
func (l *limits) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.exceeded != nil
}
