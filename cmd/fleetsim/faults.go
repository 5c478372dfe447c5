package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The faults that can be switched on.
const (
	faultLoop  = "loop"            // researchers ask the same again and again, and give up
	faultStall = "stall"           // researchers do nothing until it is off
	faultTool  = "tool_failure"    // the tool search of the fleet's own MCP server fails
	faultSlow  = "slow_dependency" // the tools of the fleet's own MCP server take two seconds
	faultLeak  = "leak"            // a process, research_agent, grows by 1 MiB ten times a second
)

var faultNames = []string{faultLoop, faultStall, faultTool, faultSlow, faultLeak}

// leakArgument makes this program the process that grows; it is named like an agent.
const leakArgument = "research_agent"

const (
	leakStep     = 1 << 20
	leakInterval = 100 * time.Millisecond
	// leakLimit is where it stops to grow: a host must survive the demonstration.
	leakLimit = 1 << 30
)

// faults are the switches. It is safe for concurrent use.
type faults struct {
	mu     sync.Mutex
	active map[string]bool
	leaker *exec.Cmd
	hold   io.Closer
}

func newFaults(names string) (*faults, error) {
	f := &faults{active: make(map[string]bool)}
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if err := f.set(name, true); err != nil {
			f.close()
			return nil, fmt.Errorf("--faults: %w", err)
		}
	}
	return f, nil
}

func (f *faults) on(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.active[name]
}

// set switches a fault.
func (f *faults) set(name string, on bool) error {
	if !slices.Contains(faultNames, name) {
		return fmt.Errorf("no fault %q: there are %s", name, strings.Join(faultNames, ", "))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == faultLeak && on != f.active[name] {
		if err := f.setLeak(on); err != nil {
			return err
		}
	}
	f.active[name] = on
	return nil
}

// setLeak starts or ends the process that grows; mu is held. It ends also when this
// one does, however that is, because its standard input ends.
func (f *faults) setLeak(on bool) error {
	if !on {
		_ = f.hold.Close()
		_ = f.leaker.Process.Kill()
		_ = f.leaker.Wait()
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("starting the process that leaks: %w", err)
	}
	leaker := exec.CommandContext(context.Background(), self, leakArgument) //nolint:gosec // this very program
	hold, err := leaker.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting the process that leaks: %w", err)
	}
	if err := leaker.Start(); err != nil {
		return fmt.Errorf("starting the process that leaks: %w", err)
	}
	f.leaker, f.hold = leaker, hold
	return nil
}

// close switches everything off.
func (f *faults) close() {
	for _, name := range faultNames {
		_ = f.set(name, false) // off never fails
	}
}

// wait waits while a fault is on.
func (f *faults) wait(ctx context.Context, name string) error {
	for f.on(name) && ctx.Err() == nil {
		pause(ctx, 20*time.Millisecond)
	}
	return ctx.Err()
}

// ServeHTTP is the control page: GET / tells the state, POST /faults/NAME?on=true
// switches.
func (f *faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch name, isFault := strings.CutPrefix(r.URL.Path, "/faults/"); {
	case isFault && r.Method == http.MethodPost:
		on, err := strconv.ParseBool(r.URL.Query().Get("on"))
		if err != nil {
			http.Error(w, "on must be true or false", http.StatusBadRequest)
			return
		}
		if err := f.set(name, on); err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
	case isFault || r.URL.Path != "/":
		http.NotFound(w, r)
		return
	}
	state := make(map[string]bool)
	for _, name := range faultNames {
		state[name] = f.on(name)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(state)
}

// leak grows until its input ends.
func leak(hold io.Reader) {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, hold)
		close(ended)
	}()
	var kept [][]byte
	for {
		select {
		case <-ended:
			return
		case <-time.After(leakInterval):
		}
		if len(kept)*leakStep < leakLimit {
			// Memory that nobody has written to is not there.
			kept = append(kept, slices.Repeat([]byte{1}, leakStep))
		}
	}
}
