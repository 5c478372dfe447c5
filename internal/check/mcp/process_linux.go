package mcp

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reapLimit is how long the processes of a killed group may take to be gone. Only
// one that hangs in the kernel takes longer.
const reapLimit = time.Second

// process is the leader of a process group of its own. When the leader ends, by
// itself or not, the rest of its group is killed.
type process struct {
	cmd *exec.Cmd
	// exited is closed when the leader has ended, reaped when its group is gone, too.
	exited, reaped chan struct{}

	// mu guards over, which is true once the ids of leader and group may be those of
	// others.
	mu   sync.Mutex
	over bool
}

// startProcess starts a program that gets SIGKILL when we die, however that
// happens.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{}), reaped: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error, 1)
	go func() {
		// To the kernel the parent is the thread, see PR_SET_PDEATHSIG in prctl(2): it
		// must not end before the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.attend()
		}
	}()
	return p, <-started
}

// attend waits for the end of the leader and sees to what is left of its group.
func (p *process) attend() {
	pid := p.cmd.Process.Pid
	defer close(p.reaped)
	// As long as the leader is a zombie its id is not given to another process or
	// group.
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	close(p.exited)
	_ = unix.Kill(-pid, unix.SIGKILL)
	p.mu.Lock()
	p.over = true
	_ = p.cmd.Wait()
	p.mu.Unlock()
	adopted(pid)
}

// adopted reaps what the leader of a group left behind, where that has become our
// child: when we are the first process of a container, or a subreaper.
func adopted(group int) {
	for deadline := time.Now().Add(reapLimit); time.Now().Before(deadline); {
		switch pid, err := unix.Wait4(-group, nil, unix.WNOHANG, nil); {
		case err == unix.EINTR, pid > 0:
		case err != nil:
			// None of the group is a child of ours.
			return
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// signal sends a signal to the group, unless it is gone.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		_ = unix.Kill(-p.cmd.Process.Pid, s)
	}
}

// gone waits until the leader has ended, ctx is done, or the limit is reached.
func (p *process) gone(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// wait waits until the group is gone, and returns how the leader ended.
func (p *process) wait() *os.ProcessState {
	<-p.reaped
	return p.cmd.ProcessState
}
