package lineage

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// Forest remembers the processes of a host and what stood above them. It holds
// those of the last Step and nothing else, and no more of them than its capacity.
// It is not safe for concurrent use.
type Forest struct {
	capacity int
	grace    time.Duration
	nodes    map[proctable.ID]*node
	pass     uint64
	refused  uint64

	// What follows is memory for one Step, by the index of the process.
	byPID   map[int]int
	present []*node // nil for a process that is not remembered
	dead    []bool
	parents []int // index of the present parent, None when that is not listed
	seen    []bool
	order   []int // parents before children
	path    []int
	held    []bool
	places  []Place
	trees   []Tree
}

// node is what is remembered of one process.
type node struct {
	parent proctable.ID // the first that was seen
	agent  proctable.ID // the nearest above
	group  string       // of that agent
	lost   time.Time    // when the process was first found without it
	told   bool         // it has been part of a tree
	pass   uint64
}

// New returns a Forest that remembers at most capacity processes: more of them
// belong to no session. A process is an orphan once it has been found without its
// agent for the length of grace, in which those that end with their agent have
// time to do so. It panics when capacity is below one or grace is negative.
func New(capacity int, grace time.Duration) *Forest {
	if capacity < 1 || grace < 0 {
		panic("lineage: capacity must be at least 1 and grace must not be negative")
	}
	return &Forest{capacity: capacity, grace: grace, nodes: map[proctable.ID]*node{}, byPID: map[int]int{}}
}

// Refused returns how many processes, in all steps together, were not remembered
// for want of room.
func (f *Forest) Refused() uint64 { return f.refused }

// Step takes all processes of the host at time now, and those of which it was
// heard that they have ended, whether they are still listed or not. It returns
// the places of the processes, in their order, and the orphaned trees. Both are
// valid until the next Step. Only times that come from the same clock may follow
// one another; one that goes back makes orphans later, nothing else.
func (f *Forest) Step(now time.Time, processes []Process, ended []proctable.ID) ([]Place, []Tree) {
	f.enter(processes, ended)
	f.sort(processes)
	for _, i := range f.order {
		f.place(processes, i)
	}
	for _, i := range f.order {
		f.judge(now, processes, i)
	}
	for id, n := range f.nodes {
		if n.pass != f.pass {
			delete(f.nodes, id)
		}
	}
	return f.places, f.trees
}

// enter finds or makes the node of each process, and its present parent.
func (f *Forest) enter(processes []Process, ended []proctable.ID) {
	f.pass++
	f.present, f.dead, f.parents = f.present[:0], f.dead[:0], f.parents[:0]
	f.held, f.places, f.trees = f.held[:0], f.places[:0], f.trees[:0]
	clear(f.byPID)
	for i := range processes {
		p := &processes[i]
		f.byPID[p.ID.PID] = i
		n := f.nodes[p.ID]
		if n == nil {
			if len(f.nodes) < f.capacity {
				n = &node{}
				f.nodes[p.ID] = n
			} else {
				f.refused++
			}
		}
		if n != nil {
			n.pass = f.pass
		}
		f.present = append(f.present, n)
		f.dead = append(f.dead, p.Dead)
		f.held = append(f.held, false)
		f.places = append(f.places, Place{Tree: None})
	}
	for _, id := range ended {
		if i, ok := f.byPID[id.PID]; ok && processes[i].ID == id {
			f.dead[i] = true
		}
	}
	for i := range processes {
		parent, ok := f.byPID[processes[i].Parent]
		// What started later is no parent: the pid was given away while the processes
		// were being read.
		if !ok || parent == i || processes[parent].ID.Start > processes[i].ID.Start {
			parent = None
		}
		f.parents = append(f.parents, parent)
	}
}

// sort puts parents before their children.
func (f *Forest) sort(processes []Process) {
	f.order, f.seen = f.order[:0], f.seen[:0]
	for range processes {
		f.seen = append(f.seen, false)
	}
	for i := range processes {
		f.path = f.path[:0]
		// Processes that were read at different moments might even form a ring.
		for j := i; j != None && !f.seen[j]; j = f.parents[j] {
			f.seen[j] = true
			f.path = append(f.path, j)
		}
		for k := len(f.path) - 1; k >= 0; k-- {
			f.order = append(f.order, f.path[k])
		}
	}
}

// place finds the session and the group of a process, those above it having
// theirs.
func (f *Forest) place(processes []Process, i int) {
	p, n, place := &processes[i], f.present[i], &f.places[i]
	if n != nil {
		f.inherit(processes, i)
		place.Session, place.Group, place.Role = n.agent, n.group, Other
	}
	if p.Group != "" {
		place.Group, place.Role = p.Group, p.Role
		if p.Role == Agent {
			place.Session = p.ID
		}
	}
}

// inherit learns from the parent, as long as that is the first one. One that came
// later says nothing about who started the process, unless nothing is known.
func (f *Forest) inherit(processes []Process, i int) {
	n, j := f.present[i], f.parents[i]
	if j == None {
		return
	}
	parent := &processes[j]
	if n.parent == (proctable.ID{}) {
		n.parent = parent.ID
	}
	if n.parent != parent.ID && n.agent != (proctable.ID{}) {
		return
	}
	switch above := f.present[j]; {
	case parent.Role == Agent && parent.Group != "":
		n.agent, n.group = parent.ID, parent.Group
	case above != nil:
		n.agent, n.group = above.agent, above.group
	}
}
