//go:build !linux

package mcp

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is never made here: without a signal at the death of its parent a child
// could outlive us.
type process struct{ exited chan struct{} }

func startProcess(*exec.Cmd) (*process, error) { return nil, errors.ErrUnsupported }

func (*process) signal(syscall.Signal) {}

func (*process) gone(context.Context, time.Duration) bool { return true }

func (*process) wait() *os.ProcessState { return nil }
