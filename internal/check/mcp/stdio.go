package mcp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// overStdio returns the transport of a run over stdio. Connecting starts the
// server; closing the connection ends it and all that it left in its group.
func (r *run) overStdio() mcp.Transport { return &stdio{run: r} }

// stdio is an mcp.Transport and the mcp.Connection that it makes: one message a
// line, on the standard input and output of a child.
type stdio struct {
	run   *run
	child *child
	lines *bufio.Reader

	writing sync.Mutex

	mu sync.Mutex
	// open holds the ids of requests without an answer.
	open map[jsonrpc.ID]struct{}
}

// Connect starts the server.
func (s *stdio) Connect(ctx context.Context) (mcp.Connection, error) {
	r := s.run
	r.timeline.begin("spawn")
	child, err := start(r.settings)
	last := r.timeline.end()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.err, r.failed = err, last
		return nil, err
	}
	s.child, r.child = child, child
	s.lines = bufio.NewReaderSize(&output{run: r, child: child}, 64<<10)
	s.open = map[jsonrpc.ID]struct{}{}
	// A server that does not read would block a write for good.
	context.AfterFunc(ctx, child.hangUp)
	return s, nil
}

// Read returns the next message of the server.
func (s *stdio) Read(context.Context) (jsonrpc.Message, error) {
	message, err := s.next()
	if err != nil {
		s.run.mu.Lock()
		s.run.err = err
		s.run.mu.Unlock()
	}
	return message, err
}

func (s *stdio) next() (jsonrpc.Message, error) {
	line, err := s.line()
	if err != nil {
		return nil, err
	}
	message, err := jsonrpc.DecodeMessage(line)
	if err != nil {
		return nil, errNoMessage
	}
	if response, ok := message.(*jsonrpc.Response); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.open[response.ID]; !ok {
			return nil, errWrongID
		}
		delete(s.open, response.ID)
	}
	return message, nil
}

// line returns the next line that is not empty. How long it gets is limited by how
// much is read in all.
func (s *stdio) line() ([]byte, error) {
	for {
		line, err := s.lines.ReadBytes('\n')
		switch line = bytes.TrimSpace(line); {
		case err == nil && len(line) > 0:
			return line, nil
		case errors.Is(err, io.EOF):
			s.child.awaitEnd(endLate / 2)
			return nil, errEnded
		case err != nil:
			return nil, err
		}
	}
}

// Write sends a message to the server.
func (s *stdio) Write(_ context.Context, message jsonrpc.Message) error {
	text, err := jsonrpc.EncodeMessage(message)
	if err != nil {
		return err
	}
	if err := s.run.limits.request(); err != nil {
		return err
	}
	if request, ok := message.(*jsonrpc.Request); ok && request.IsCall() {
		s.mu.Lock()
		s.open[request.ID] = struct{}{}
		s.mu.Unlock()
		s.run.saw(0, nil)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err = s.child.stdin.Write(append(text, '\n'))
	return err
}

// Close ends the server.
func (s *stdio) Close() error {
	s.child.end(s.run.ctx)
	return nil
}

// SessionID returns nothing: the connection is the session.
func (s *stdio) SessionID() string { return "" }

// output is what a server says, read within the limits of its run.
type output struct {
	run     *run
	child   *child
	scanner scanner
}

// Read reads, and fails past a limit.
func (o *output) Read(p []byte) (int, error) {
	n, err := o.child.stdout.Read(p)
	if exceeded := o.run.limits.take(p[:n], &o.scanner); exceeded != nil {
		return 0, exceeded
	}
	return n, err
}
