package lineage

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// judge finds out whether a process is orphaned, those above it being judged.
func (f *Forest) judge(now time.Time, processes []Process, i int) {
	n, j := f.present[i], f.parents[i]
	f.held[i] = f.holds(processes, i)
	if n == nil {
		return
	}
	if !f.abandoned(processes, i) {
		n.lost = time.Time{}
	} else if n.lost.IsZero() {
		n.lost = now
	}
	tree := None
	if j != None {
		tree = f.places[j].Tree
	}
	orphan := !n.lost.IsZero() && now.Sub(n.lost) >= f.grace
	switch {
	case f.dead[i] || processes[i].Group != "" && processes[i].Role == Agent:
		return
	case tree == None && !orphan:
		return
	case tree == None:
		tree = len(f.trees)
		f.trees = append(f.trees, Tree{Top: i, Since: n.lost, New: !n.told})
	}
	f.trees[tree].Processes++
	f.places[i].Tree = tree
	// Whatever is left of the tree when its top ends is no news.
	n.told = true
}

// holds tells whether an agent stands above a process, or may: as long as it is
// not known what stands there, nothing is said about it. An agent that is dead
// holds too, because the kernel takes its children away before it shows so. The
// first process need not be listed: it is init to all that it does not hide from.
func (f *Forest) holds(processes []Process, i int) bool {
	switch j := f.parents[i]; {
	case j == None:
		return processes[i].Parent > 1
	case processes[j].Group != "" && processes[j].Role == Agent:
		return true
	default:
		return f.held[j]
	}
}

// abandoned tells whether a process has lost its agent. Only one that has a group
// of its own, and is no agent, can: anything else that outlives its agent may well
// be meant to, such as a server of a terminal multiplexer.
func (f *Forest) abandoned(processes []Process, i int) bool {
	p, n := &processes[i], f.present[i]
	if p.Group == "" || p.Role == Agent || f.dead[i] || f.held[i] {
		return false
	}
	if n.agent == (proctable.ID{}) {
		j := f.parents[i]
		return p.Role == Server && p.Stdio && j != None && processes[j].Init
	}
	return !f.alive(processes, n.agent)
}

// alive tells whether a process is listed and not over.
func (f *Forest) alive(processes []Process, id proctable.ID) bool {
	i, ok := f.byPID[id.PID]
	return ok && processes[i].ID == id && !f.dead[i]
}
