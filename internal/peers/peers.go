// Package peers starts real servers for tests: the ones that Watchkeeper looks
// after, and the ones that it speaks to. Each listens on a free port of loopback,
// keeps its files in a folder of its own, and is gone when the test ends, also
// when the test is killed (on Linux).
//
// A server that is not installed fails the test, because a test that is skipped
// proves nothing.
package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	// startTimeout and stopTimeout are how long a server may take.
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	// askInterval is the time between questions whether a server is ready.
	askInterval = 10 * time.Millisecond
	// logTail is how much of a log is shown when a test fails, in bytes.
	logTail = 4 << 10
)

// Command says how to run a server.
type Command struct {
	// Path is the program: absolute, or looked up in PATH.
	Path string
	// Args returns the arguments, given the server's folder and port.
	Args func(dir string, port int) []string
	// Env returns variables to add to a minimal environment; nil means none.
	Env func(dir string, port int) []string
	// Dir is the server's folder; empty means a new one that is removed at the end.
	Dir string
	// User owns the folder and runs the server when the tests run as root; empty
	// means no other user.
	User string
	// Ready asks the server, at "127.0.0.1:port", whether it serves.
	Ready func(ctx context.Context, endpoint string) error
	// StopSignal asks it to end; zero means SIGTERM. KillSignal has it end at once;
	// zero means SIGKILL.
	StopSignal, KillSignal syscall.Signal
}

// Server is a server that was started for one test. Its methods fail the test
// when they cannot do what they say, and must be called from its goroutine.
type Server struct {
	// Endpoint is "127.0.0.1:port". It stays the same when the server is started
	// again.
	Endpoint string
	// Dir is the folder of the server's files, its log among them.
	Dir string

	t       T
	command Command
	port    int
	process *os.Process
	// exited is closed when the process has ended.
	exited chan struct{}
}

// Start runs a server and waits until it is ready.
func Start(t T, c Command) *Server {
	t.Helper()
	path, err := exec.LookPath(c.Path)
	if err != nil {
		t.Fatalf("%s is not installed: run \"make peers\"", c.Path)
	}
	c.Path = path
	if c.StopSignal == 0 {
		c.StopSignal = syscall.SIGTERM
	}
	if c.KillSignal == 0 {
		c.KillSignal = syscall.SIGKILL
	}
	if c.Dir == "" {
		c.Dir = Dir(t, c.User)
	}
	s := &Server{t: t, command: c, Dir: c.Dir}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", filepath.Base(c.Path), s.tail())
		}
	})
	// Someone may take a free port before the server does.
	for range 3 {
		s.port = freePort(t)
		s.Endpoint = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("starting %s: %v", filepath.Base(c.Path), err)
	return nil
}

// Start runs the server again, on the same port and folder, after Stop or Kill.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("starting %s again: %v", filepath.Base(s.command.Path), err)
	}
}

// Stop asks the server to end and waits until it has. It does nothing when the
// server is not running.
func (s *Server) Stop() {
	s.t.Helper()
	if s.process == nil {
		return
	}
	_ = s.process.Signal(s.command.StopSignal)
	select {
	case <-s.exited:
		s.process = nil
	case <-time.After(stopTimeout):
		s.t.Errorf("%s did not stop within %v", filepath.Base(s.command.Path), stopTimeout)
		s.Kill()
	}
}

// Kill ends the server without a warning, as a crash does.
func (s *Server) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Signal(s.command.KillSignal)
	select {
	case <-s.exited:
	case <-time.After(stopTimeout):
		signalTree(s.process.Pid, syscall.SIGKILL)
		<-s.exited
	}
	s.process = nil
}

// Pid returns the process id of the running server.
func (s *Server) Pid() int { return s.process.Pid }

// Exited returns a channel that is closed when the process that runs now has ended,
// by itself or by Stop or Kill. The server must have been started.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Freeze has the server hold still: it accepts connections, as the kernel does
// that for it, and answers nothing until Thaw.
func (s *Server) Freeze() {
	s.signal(syscall.SIGSTOP)
	s.t.Cleanup(s.Thaw)
}

// Thaw ends Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) start() error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(s.command.Path, s.command.Args(s.Dir, s.port)...)
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "LC_ALL=C"}
	if s.command.Env != nil {
		cmd.Env = append(cmd.Env, s.command.Env(s.Dir, s.port)...)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr, err = attributes(s.command.User); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.process, s.exited = cmd.Process, exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	if err := s.await(); err != nil {
		s.Kill()
		return fmt.Errorf("%w; its log ends with:\n%s", err, s.tail())
	}
	return nil
}

// await asks until the server is ready.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.command.Ready(ctx, s.Endpoint)
		select {
		case <-s.exited:
			return errors.New("it ended at once")
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready after %v: %w", startTimeout, err)
		case <-s.exited:
		case <-time.After(askInterval):
		}
	}
}

func (s *Server) signal(signal syscall.Signal) {
	if s.process != nil {
		signalTree(s.process.Pid, signal)
	}
}

func (s *Server) logPath() string { return filepath.Join(s.Dir, "log") }

func (s *Server) tail() string {
	log, err := os.Open(s.logPath())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = log.Close() }()
	if size, err := log.Seek(0, io.SeekEnd); err == nil {
		_, _ = log.Seek(max(0, size-logTail), io.SeekStart)
	}
	text, err := io.ReadAll(log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func freePort(t T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
