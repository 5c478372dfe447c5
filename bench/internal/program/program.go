// Package program runs the programs that are measured and reads what they cost.
package program

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a program may take to end when it is asked to.
const patience = 15 * time.Second

// Program is a running program. It is safe for concurrent use.
type Program struct {
	name   string
	cmd    *exec.Cmd
	stderr tail
	ended  chan struct{}
	err    error // of Wait, once ended is closed
}

// Start runs a program. Stop must be called.
//
// The kernel kills the program when the thread that started it ends, so that it
// never outlives a crash: call Start from a goroutine that is locked to the main
// thread.
func Start(cmd *exec.Cmd) (*Program, error) {
	p := &Program{name: filepath.Base(cmd.Path), cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the program has ended.
func (p *Program) Ended() <-chan struct{} { return p.ended }

// Err tells how a program ended that should not have, with the end of what it
// wrote to its standard error; nil while it runs.
func (p *Program) Err() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended: %v\n%s", p.name, p.err, p.stderr.String())
	default:
		return nil
	}
}

// Stop ends the program by SIGTERM and, when that does not help, by SIGKILL, and
// waits for it. It returns an error if the program did not end well.
func (p *Program) Stop() error {
	if err := p.Err(); err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.wait()
}

// StopByInput is Stop for a program that ends with its standard input.
func (p *Program) StopByInput(input io.Closer) error {
	if err := p.Err(); err != nil {
		return err
	}
	if err := input.Close(); err != nil {
		return err
	}
	return p.wait()
}

func (p *Program) wait() error {
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	if p.err != nil {
		return p.Err()
	}
	return nil
}

// CPUTime returns the processor time that the program has used: what utime and
// stime of /proc/PID/stat add up to, but in nanoseconds instead of ticks. It is
// read from the clock of the process, and compared with stat.
func (p *Program) CPUTime() (time.Duration, error) {
	pid := p.cmd.Process.Pid
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	coarse, err := parseCPUTime(b)
	if err != nil {
		return 0, err
	}
	// The id of the clock of another process: MAKE_PROCESS_CPUCLOCK with
	// CPUCLOCK_SCHED in the kernel's include/linux/posix-timers.h.
	var fine unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|2, &fine); err != nil {
		return 0, fmt.Errorf("reading the clock of process %d: %w", pid, err)
	}
	used := time.Duration(fine.Nano())
	if d := used - coarse; d < -50*time.Millisecond || d > 50*time.Millisecond {
		return 0, fmt.Errorf("process %d has used %s by its clock but %s by its stat", pid, used, coarse)
	}
	return used, p.Err() // a program that has ended may have lent its id
}

// Resident returns the resident memory of the program in bytes: now, and the most
// that it ever was.
func (p *Program) Resident() (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	if now, err = parseMemory(b, "VmRSS"); err != nil {
		return 0, 0, err
	}
	if peak, err = parseMemory(b, "VmHWM"); err != nil {
		return 0, 0, err
	}
	return now, peak, p.Err()
}

// Anonymous returns the resident memory in bytes that no file is behind: heap and
// stacks, without the pages of the program itself, which the kernel can drop and
// shares between all that run it.
func (p *Program) Anonymous() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	bytes, err := parseMemory(b, "RssAnon")
	if err != nil {
		return 0, err
	}
	return bytes, p.Err()
}

// FreePorts returns distinct loopback ports that were free a moment ago.
func FreePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports, nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if n := len(t.kept) - tailSize; n > 0 {
		t.kept = append(t.kept[:0], t.kept[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
