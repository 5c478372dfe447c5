package mcp

import (
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxTail is how much of the standard error output is kept, in bytes.
	maxTail = 4 << 10
	// maxLine is how much of a line of it may get into a reason, in bytes.
	maxLine = 200
	// lastWords is how long the end of the output is waited for when the server is
	// gone. What it forked elsewhere may hold the output open.
	lastWords = 50 * time.Millisecond
)

// tail drains the standard error output of a server and keeps its end.
type tail struct {
	file *os.File
	done chan struct{}

	mu   sync.Mutex
	kept []byte
	// cut is true when there was more before what is kept.
	cut bool
}

func newTail(file *os.File) *tail {
	t := &tail{file: file, done: make(chan struct{})}
	go t.drain()
	return t
}

func (t *tail) drain() {
	defer close(t.done)
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buffer)
		t.mu.Lock()
		t.kept = append(t.kept, buffer[:n]...)
		if over := len(t.kept) - maxTail; over > 0 {
			t.kept, t.cut = append(t.kept[:0], t.kept[over:]...), true
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// close ends the draining.
func (t *tail) close() {
	_ = t.file.SetReadDeadline(time.Now().Add(lastWords))
	<-t.done
	_ = t.file.Close()
}

// line returns the line that says most: the last one that speaks of an error, or
// else the last one. Secrets are replaced, and it is fit for a reason.
func (t *tail) line(secrets []string) string {
	t.mu.Lock()
	text := string(t.kept)
	if t.cut {
		// Half a line may hold half a secret.
		_, text, _ = strings.Cut(text, "\n")
	}
	t.mu.Unlock()
	chosen, certain := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		speaks := strings.Contains(strings.ToLower(line), "error")
		if line != "" && (speaks || !certain) {
			chosen, certain = line, certain || speaks
		}
	}
	for _, secret := range secrets {
		chosen = strings.ReplaceAll(chosen, secret, "***")
	}
	return printable(chosen, maxLine)
}

// secretsOf returns what the output of a server must not carry into a reason: the
// values of its environment and of its flags, the longest first.
func secretsOf(s *Settings) []string {
	var secrets []string
	add := func(value string) {
		for line := range strings.Lines(value) {
			// Shorter ones would turn up in any text.
			if line = strings.TrimSpace(line); len(line) >= 4 {
				secrets = append(secrets, line)
			}
		}
	}
	for _, variable := range s.Env {
		_, value, _ := strings.Cut(variable, "=")
		add(value)
	}
	for i, argument := range s.Command {
		name, value, found := strings.Cut(argument, "=")
		switch {
		case i == 0:
		case strings.HasPrefix(name, "-") && found:
			add(value)
		case i > 1 && strings.HasPrefix(s.Command[i-1], "-") && !strings.HasPrefix(argument, "-"):
			add(argument)
		}
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return secrets
}
