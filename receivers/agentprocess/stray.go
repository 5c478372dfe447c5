package agentprocess

import (
	"slices"
	"strings"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// inits are the names of programs that run first and start nothing but what they
// supervise in control groups of their own, or nothing at all. A container whose
// first process is an agent must not make orphans of all that it starts.
var inits = []string{"systemd", "init", "tini", "dumb-init", "docker-init", "catatonit", "s6-svscan", "runit", "openrc-init"}

// isInit tells whether a process takes in those whose parent ended: the first one,
// or the service manager of a user, which is a systemd too.
func isInit(p *proctable.Process) bool {
	return p.ID.PID == 1 && slices.Contains(inits, p.Image.Comm) || p.Parent == 1 && p.Image.Comm == "systemd"
}

// service tells whether a service manager runs the process on purpose, or may.
func (f *facts) service() bool {
	paths := f.of(cgroup)
	if len(paths) == 0 {
		return true
	}
	parts := strings.Split(paths[0], "/")
	for _, name := range slices.Backward(parts) {
		switch {
		case strings.HasSuffix(name, ".service"):
			return true
		case strings.HasSuffix(name, ".scope"):
			return false
		}
	}
	return false
}
