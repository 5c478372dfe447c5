package mcp

import (
	"slices"
	"sync"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/check"
)

// timeline times the steps of a run. A request is a step; where it has to make a
// connection first, the parts of that are steps of their own, and do not count to
// the request. A step that is taken again counts on.
type timeline struct {
	mu    sync.Mutex
	steps []check.Step
	// request is the step of the request under way.
	request string
	// current is the step being timed: request, a part of making a connection, or
	// empty as long as it is not known which.
	current string
	since   time.Time
	// connected is true once the request has a connection: what the client then does
	// about others is not about this run.
	connected bool
}

// begin starts the step of a request.
func (t *timeline) begin(request string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.request, t.current, t.connected, t.since = request, "", false, time.Now()
}

// connecting starts a part of making a connection for the request.
func (t *timeline) connecting(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.request != "" && !t.connected && t.current != part {
		t.turn(part)
	}
}

// got ends the making of a connection.
func (t *timeline) got() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.request != "" && !t.connected {
		t.connected = true
		t.turn(t.request)
	}
}

// reaching is true while the server has not been reached.
func (t *timeline) reaching() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current != "" && t.current != t.request
}

// end ends the request, and returns the step in which it ended.
func (t *timeline) end() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == "" {
		t.current = t.request
	}
	last := t.current
	t.turn("")
	t.request = ""
	return last
}

// turn adds the time since the last turn to the current step, and begins another.
func (t *timeline) turn(next string) {
	now := time.Now()
	if t.current != "" {
		t.add(t.current, now.Sub(t.since))
		t.since = now
	}
	t.current = next
}

func (t *timeline) add(name string, took time.Duration) {
	i := slices.IndexFunc(t.steps, func(s check.Step) bool { return s.Name == name })
	if i < 0 {
		t.steps = append(t.steps, check.Step{Name: name})
		i = len(t.steps) - 1
	}
	t.steps[i].Duration += took
}

// taken returns the steps, the failed one last, if any.
func (t *timeline) taken(failed string) []check.Step {
	t.mu.Lock()
	defer t.mu.Unlock()
	steps := slices.Clone(t.steps)
	if i := slices.IndexFunc(steps, func(s check.Step) bool { return s.Name == failed }); i >= 0 {
		steps = append(slices.Delete(steps, i, i+1), t.steps[i])
	}
	return steps
}
