package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/watchkeeper/watchkeeper/bench/internal/program"
)

// member is the name of the processes of a crowd, as the kernel keeps it.
const member = "crowd-member"

type crowd struct {
	*program.Program
	commands io.WriteCloser
	ready    chan struct{} // one for each time that all have gone to sleep
}

// workers are the members that do something when they are told to.
func workers(members int) int { return (members + 49) / 50 }

// startCrowd returns when all members have done what they do and are asleep.
func startCrowd(ctx context.Context, binary string, count, fds int) (*crowd, error) {
	// Beside the binary, because direct I/O wants a file system on a disk.
	cmd := exec.Command(binary, strconv.Itoa(count), strconv.Itoa(fds), filepath.Dir(binary))
	commands, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	running, err := program.Start(cmd)
	if err != nil {
		return nil, err
	}
	c := &crowd{running, commands, make(chan struct{}, 1)}
	go func() { // until the crowd ends
		for lines := bufio.NewScanner(answers); lines.Scan(); {
			c.ready <- struct{}{}
		}
	}()
	if err := c.settle(ctx); err != nil {
		if c.Err() == nil {
			err = errors.Join(err, c.stop())
		}
		return nil, err
	}
	return c, nil
}

// during returns a context that ends with the crowd.
func (c *crowd) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-c.Ended():
			cancel(c.Err())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// settle waits until all members are asleep.
func (c *crowd) settle(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-c.Ended():
		return c.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// exert lets the workers work hard, and returns when they are asleep again.
func (c *crowd) exert(ctx context.Context) error {
	if _, err := c.commands.Write([]byte("h")); err != nil {
		return err
	}
	return c.settle(ctx)
}

// work lets the workers do something every second from now on.
func (c *crowd) work() error {
	_, err := c.commands.Write([]byte("w"))
	return err
}

func (c *crowd) stop() error { return c.StopByInput(c.commands) }
