package lineage

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// Role says what a process is to a fleet of agents.
type Role string

const (
	Agent  Role = "agent"      // begins a session, which all that it starts belongs to
	Server Role = "mcp_server" // serves tools to agents
	Tool   Role = "tool"
	Other  Role = "other"
)

// Process is what a Forest is shown of a process.
type Process struct {
	ID proctable.ID
	// Parent is the pid of the present parent, 0 for none.
	Parent int
	// Group and Role are those that the process has by itself; Group is empty when
	// it has none.
	Group string
	Role  Role
	// Dead says that the process is over and only waits to be asked how it ended.
	Dead bool
	// Init says that the process is one under which the kernel puts those whose
	// parent ended, and that starts none itself that would look the same.
	Init bool
	// Stdio says that the process serves the one that started it and nobody else, so
	// that it is of no use under an Init whoever started it.
	Stdio bool
}

// Place is where a process stands.
type Place struct {
	// Session is the nearest agent: the process itself if it is one, otherwise the
	// nearest above it when it last had one above it. It is the zero ID without any,
	// and may be that of an agent that has ended.
	Session proctable.ID
	// Group and Role are those of the process itself. One that has none is in the
	// group of its session, as Other. Group is empty for a process that has neither.
	Group string
	Role  Role
	// Tree is the index of the orphaned tree that the process is in, None for none.
	Tree int
}

// None is the index of nothing.
const None = -1

// Tree is a process that its agent has left behind, with all below it.
type Tree struct {
	// Top is the index of the topmost process of the tree that has a group of its
	// own. A nameless shell above it is not part of the tree.
	Top int
	// Processes is how many there are in the tree, the top included.
	Processes int
	// Since is when the tree was first found without its agent, in the time of the
	// caller.
	Since time.Time
	// New says that nothing of the tree was in a tree before.
	New bool
}
