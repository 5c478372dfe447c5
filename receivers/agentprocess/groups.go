package agentprocess

import (
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// overflow is the name of the groups of processes whose own there is no room for.
const overflow = "_overflow"

// groupKey is what makes a group: its processes have the same name and role.
type groupKey struct {
	name string
	role lineage.Role
}

// group is what is known of one group from its first process until it has been
// empty for the time of linger.
type group struct {
	groupKey
	label metadata.AttributeAgentRole
	// began is before anything in counted happened.
	began, lastFull time.Time
	usage           usage
	counted         counters
	// shown are the states that the group has had.
	shown [len(proctable.States)]bool
}

// usage is what the processes of a group take together at one collection.
type usage struct {
	processes int
	states    [len(proctable.States)]int
	threads   int

	cpu      time.Duration // since the last snapshot
	cpuKnown int           // processes that cpu is the sum of

	rss, virtual, memory int64 // bytes; memory is PSS as far as known

	fds                 int
	fdsKnown, fdsHidden int     // processes that are in fds, and those that cannot be read
	fdShare             float64 // of the limit, the highest
	fdShareKnown        bool

	oldest time.Duration // uptime
}

// counters only ever grow. Those that need a right stay unknown until they were
// read once, and then stay known.
type counters struct {
	user, system             time.Duration
	minorFaults, majorFaults uint64
	io                       proctable.IO
	ioKnown                  bool
	voluntary, involuntary   uint64
	switchesKnown            bool
}

// groups are the groups that there are, in the order in which they came. There
// are never more than room for names of processes, and one for each role beside.
type groups struct {
	room   int
	linger time.Duration
	byKey  map[groupKey]*group
	list   []*group
	own    int // groups that are not overflow
	turned int // processes without a group of their own, since last asked
}

func newGroups(room int, linger time.Duration) *groups {
	return &groups{room: room, linger: linger, byKey: map[groupKey]*group{}}
}

// begin empties all groups for a new collection.
func (g *groups) begin() {
	g.turned = 0
	for _, group := range g.list {
		group.usage = usage{}
	}
}

// of returns the group of a name and a role. One that is new counts from before.
func (g *groups) of(name string, role lineage.Role, before time.Time) *group {
	key := groupKey{name, role}
	if known, ok := g.byKey[key]; ok {
		return known
	}
	if g.own >= g.room && name != overflow {
		g.turned++
		return g.of(overflow, role, before)
	}
	if name != overflow {
		g.own++
	}
	created := &group{groupKey: key, label: metadata.MapAttributeAgentRole[string(role)], began: before}
	for i, state := range proctable.States {
		created.shown[i] = state == proctable.Running || state == proctable.Sleeping
	}
	g.byKey[key] = created
	g.list = append(g.list, created)
	return created
}

// end forgets the groups that have been empty for too long.
func (g *groups) end(now time.Time) {
	g.list = slices.DeleteFunc(g.list, func(group *group) bool {
		if group.usage.processes > 0 {
			group.lastFull = now
			return false
		}
		if now.Sub(group.lastFull) < g.linger {
			return false
		}
		delete(g.byKey, group.groupKey)
		if group.name != overflow {
			g.own--
		}
		return true
	})
}

// stateIndex returns the place of a state in the list of all.
func stateIndex(state proctable.State) int { return slices.Index(proctable.States[:], state) }
