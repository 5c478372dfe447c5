package mcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// politeEnd is how long a server may take to end after its standard input was
	// closed, and again after SIGTERM.
	politeEnd = 250 * time.Millisecond
	// hastyEnd is how long it may take after SIGTERM when the time of the run is over.
	hastyEnd = 100 * time.Millisecond
)

// child is a server that was started for one run.
type child struct {
	stdin, stdout *os.File
	stderr        *tail
	process       *process

	ending sync.Once
	// died says how the server ended, if it did so without being asked to. It is set
	// when end has returned.
	died string
}

// start starts the server of the settings.
func start(s *Settings) (*child, error) {
	theirIn, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirIn.Close() }()
	stdout, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close())
	}
	defer func() { _ = theirOut.Close() }()
	stderr, theirErr, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), stdout.Close())
	}
	defer func() { _ = theirErr.Close() }()

	cmd := &exec.Cmd{
		Path: s.Command[0], Args: s.Command, Dir: s.Dir,
		// A nil environment would be ours.
		Env:   append([]string{}, s.Env...),
		Stdin: theirIn, Stdout: theirOut, Stderr: theirErr,
	}
	process, err := startProcess(cmd)
	if err != nil {
		return nil, errors.Join(err, stdin.Close(), stdout.Close(), stderr.Close())
	}
	return &child{stdin: stdin, stdout: stdout, stderr: newTail(stderr), process: process}, nil
}

// hangUp has reads and writes end now and from now on.
func (c *child) hangUp() {
	past := time.Unix(1, 0)
	_ = c.stdin.SetDeadline(past)
	_ = c.stdout.SetDeadline(past)
}

// awaitEnd waits for the server to end by itself.
func (c *child) awaitEnd(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.process.exited:
	case <-timer.C:
	}
}

// end ends the server: politely while ctx lasts, and in any case soon. When it
// returns the server and what it left in its process group are gone.
func (c *child) end(ctx context.Context) {
	c.ending.Do(func() {
		select {
		case <-c.process.exited:
			c.died = "the server ended"
		default:
		}
		_ = c.stdin.Close()
		if !c.process.gone(ctx, politeEnd) {
			c.process.signal(syscall.SIGTERM)
			if !c.process.gone(ctx, politeEnd) && !c.process.gone(context.WithoutCancel(ctx), hastyEnd) {
				c.process.signal(syscall.SIGKILL)
			}
		}
		state := c.process.wait()
		if c.died != "" {
			c.died = exit(state)
		}
		_ = c.stdout.Close()
		c.stderr.close()
	})
}

func exit(state *os.ProcessState) string {
	if state == nil {
		return "the server ended"
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("the server was ended by signal %d (%s)", status.Signal(), status.Signal())
	}
	return fmt.Sprintf("the server ended with exit status %d", state.ExitCode())
}
