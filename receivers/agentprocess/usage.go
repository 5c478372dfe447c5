package agentprocess

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// usage is what the processes of one group take together.
type usage struct {
	processes int
	states    map[proctable.State]int

	cpu      time.Duration // since the last snapshot
	cpuKnown int           // processes that cpu is the sum of

	rss, memory int64 // bytes; memory is PSS as far as known

	fds                 int
	fdsKnown, fdsHidden int // processes that are in fds, and those that cannot be read
}

// member is a process and the index of its group.
type member struct {
	proctable.Process
	group int
}

// meter adds up the members of groups.
type meter struct {
	table     *proctable.Table
	readFDs   bool
	pssBudget time.Duration
}

// measure returns the usage of each of n groups, and in overBudget the number of
// processes whose RSS stands in for a PSS that there was no time for. It sorts
// members.
func (m meter) measure(n int, members []member, faults *proctable.Faults) (groups []usage, overBudget int) {
	groups = make([]usage, n)
	for i := range groups {
		groups[i].states = map[proctable.State]int{}
	}
	for _, p := range members {
		u := &groups[p.group]
		u.processes++
		u.states[p.State]++
		u.rss += p.RSS
		if p.CPUKnown {
			u.cpu += p.CPUUsed
			u.cpuKnown++
		}
		if m.readFDs && p.State != proctable.Zombie {
			fds, err := m.table.OpenFDs(p.ID)
			faults.Add("fd", err)
			switch {
			case err == nil:
				u.fds += fds
				u.fdsKnown++
			case !errors.Is(err, proctable.ErrGone):
				u.fdsHidden++
			}
		}
	}
	return groups, m.addMemory(groups, members, faults)
}

// The kernel's time for a PSS, for a process without memory and for each byte
// that it has: about 20 ms a GiB, and some more to be safe.
const (
	pssBase    = 50 * time.Microsecond
	pssPerByte = float64(25*time.Millisecond) / (1 << 30)
)

// addMemory adds PSS within the budget and RSS beyond. The smallest come first:
// so the most processes get theirs, and it is the same ones each time, which
// keeps a group from jumping between the two.
//
// What a reading takes is estimated beforehand, because one that has begun cannot
// be stopped, and the process cannot map memory until it ends.
func (m meter) addMemory(groups []usage, members []member, faults *proctable.Faults) (overBudget int) {
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(a.RSS, b.RSS) })
	began := time.Now()
	for _, p := range members {
		memory := p.RSS
		expected := pssBase + time.Duration(pssPerByte*float64(p.RSS))
		switch {
		case p.RSS == 0 || m.pssBudget == 0: // nothing to read, or not wanted
		case time.Since(began)+expected > m.pssBudget:
			overBudget++
		default:
			pss, err := m.table.PSS(p.ID)
			faults.Add("smaps_rollup", err)
			if err == nil {
				memory = pss
			}
		}
		groups[p.group].memory += memory
	}
	return overBudget
}
