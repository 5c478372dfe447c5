package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/watchkeeper/watchkeeper/internal/peers"
)

// stage is what the servers of a demonstration are started for, as those of a test
// are for a test. Its methods are safe for concurrent use, but Fatal and Fatalf
// only within do.
type stage struct {
	ctx    context.Context //nolint:containedctx // peers.T asks for it, as testing.TB has it
	stderr io.Writer

	mu       sync.Mutex
	failures []error
	cleanups []func()
}

var _ peers.T = (*stage)(nil)

func newStage(ctx context.Context, stderr io.Writer) *stage {
	return &stage{ctx: ctx, stderr: stderr}
}

// do runs a function to its end or to its first Fatal, and returns what has failed.
func (s *stage) do(f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.failures...)
	s.failures = nil
	return err
}

// close runs the cleanup functions, the last one first.
func (s *stage) close() error {
	return s.do(func() {
		for {
			s.mu.Lock()
			last := len(s.cleanups) - 1
			if last < 0 {
				s.mu.Unlock()
				return
			}
			f := s.cleanups[last]
			s.cleanups = slices.Delete(s.cleanups, last, last+1)
			s.mu.Unlock()
			f()
		}
	})
}

// Helper does nothing.
func (*stage) Helper() {}

// Context ends when the demonstration does.
func (s *stage) Context() context.Context { return s.ctx }

// Cleanup has a function run at the end.
func (s *stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// Logf tells the user.
func (s *stage) Logf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.stderr, format+"\n", args...)
}

// Errorf notes a failure.
func (s *stage) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(s.failures, fmt.Errorf(format, args...))
}

// Fatal notes a failure and ends the function that do runs.
func (s *stage) Fatal(args ...any) {
	s.Errorf("%s", fmt.Sprint(args...))
	runtime.Goexit()
}

// Fatalf notes a failure and ends the function that do runs.
func (s *stage) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

// Failed tells whether something has failed that do has not returned yet. The ends
// of logs that peers would show then are in the errors already.
func (*stage) Failed() bool { return false }
