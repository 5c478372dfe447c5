package agentprocess

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
)

// meter adds up the members of groups.
type meter struct {
	table *proctable.Table
	// What is wanted: reading costs.
	fds, limits, io, switches, pss bool

	interval, budget time.Duration // of what is read seldom
	due              []*member
}

// measure adds each member to its group. It returns how many of them count with
// their resident memory because there was no time for a PSS.
func (m *meter) measure(now time.Time, elapsed time.Duration, members []*member, faults *proctable.Faults) (overBudget int) {
	m.due = m.due[:0]
	for _, p := range members {
		u := &p.group.usage
		u.processes++
		u.states[stateIndex(p.State)]++
		u.threads += p.Threads
		m.readResident(p, faults)
		u.rss += p.RSS
		u.virtual += p.VSize
		u.oldest = max(u.oldest, now.Sub(p.started))
		p.diskRate, p.diskMoved = 0, 0
		if p.CPUKnown {
			u.cpu += p.CPUUsed
			u.cpuKnown++
			c := &p.group.counted
			c.user += p.Used.UserTime
			c.system += p.Used.SystemTime
			c.minorFaults += p.Used.MinorFaults
			c.majorFaults += p.Used.MajorFaults
		}
		if p.State == proctable.Zombie {
			continue
		}
		m.readIO(p, elapsed, faults)
		m.readSeldom(now, p, faults)
		m.readFDs(p, faults)
		if m.pss && p.RSS > 0 && (p.pssAt.IsZero() || now.Sub(p.pssAt) >= m.interval) {
			m.due = append(m.due, p)
		}
	}
	overBudget = m.readPSS(now, faults)
	for _, p := range members {
		p.memory, p.born = p.estimate(), false
		p.group.usage.memory += p.memory
	}
	return overBudget
}

// readResident puts the exact resident memory in the place of that of the
// snapshot, which is near enough where it cannot be had.
func (m *meter) readResident(p *member, faults *proctable.Faults) {
	if p.State == proctable.Zombie {
		return
	}
	rss, err := m.table.Resident(p.ID)
	faults.Add("statm", err)
	if err == nil {
		p.RSS = rss
	}
}

// readIO counts what a process read and wrote. What it gains by the end of a child
// that was itself counted is not counted twice.
func (m *meter) readIO(p *member, elapsed time.Duration, faults *proctable.Faults) {
	if !m.io {
		return
	}
	io, err := m.table.IO(p.ID)
	faults.Add("io", err)
	if err != nil {
		p.credit = proctable.IO{}
		return
	}
	var gained proctable.IO
	if p.ioKnown || p.born {
		gained = proctable.IO{
			ReadBytes:  less(less(io.ReadBytes, p.io.ReadBytes), p.credit.ReadBytes),
			WriteBytes: less(less(io.WriteBytes, p.io.WriteBytes), p.credit.WriteBytes),
		}
	}
	p.io, p.ioKnown, p.credit = io, true, proctable.IO{}
	c := &p.group.counted
	c.io.ReadBytes += gained.ReadBytes
	c.io.WriteBytes += gained.WriteBytes
	c.ioKnown = true
	if elapsed > 0 {
		p.diskMoved = gained.ReadBytes + gained.WriteBytes
		p.diskRate = float64(p.diskMoved) / elapsed.Seconds()
	}
}

// readSeldom reads what costs more and changes little, or matters little soon.
func (m *meter) readSeldom(now time.Time, p *member, faults *proctable.Faults) {
	if !p.slowAt.IsZero() && now.Sub(p.slowAt) < m.interval {
		return
	}
	p.slowAt = now
	if m.switches {
		voluntary, unwilling, err := m.table.ContextSwitches(p.ID)
		faults.Add("status", err)
		if err == nil {
			c := &p.group.counted
			if p.switches || p.born {
				c.voluntary += less(voluntary, p.voluntary)
				c.involuntary += less(unwilling, p.unwilling)
			}
			c.switchesKnown = true
			p.voluntary, p.unwilling, p.switches = voluntary, unwilling, true
		}
	}
	if m.limits {
		limit, err := m.table.OpenFilesLimit(p.ID)
		faults.Add("limits", err)
		if err == nil {
			p.limit, p.limitKnown = limit, limit > 0 && limit != math.MaxUint64
		}
	}
}

// readFDs counts open files.
func (m *meter) readFDs(p *member, faults *proctable.Faults) {
	if !m.fds {
		return
	}
	u := &p.group.usage
	fds, err := m.table.OpenFDs(p.ID)
	faults.Add("fd", err)
	switch {
	case err == nil:
		u.fds += fds
		u.fdsKnown++
		if p.limitKnown {
			u.fdShare = max(u.fdShare, float64(fds)/float64(p.limit))
			u.fdShareKnown = true
		}
	case !errors.Is(err, proctable.ErrGone):
		u.fdsHidden++
	}
}

// The kernel's time for a PSS, for a process without memory and for each byte
// that it has: about 20 ms a GiB, and some more to be safe.
const (
	pssBase    = 50 * time.Microsecond
	pssPerByte = float64(25*time.Millisecond) / (1 << 30)
)

// readPSS reads the PSS of the processes that are due, within the budget. The
// smallest come first: so the most processes get theirs, and it is the same ones
// each time, which keeps a group from jumping between PSS and RSS.
//
// What a reading takes is estimated beforehand, because one that has begun cannot
// be stopped, and the process cannot map memory until it ends.
func (m *meter) readPSS(now time.Time, faults *proctable.Faults) (overBudget int) {
	slices.SortStableFunc(m.due, func(a, b *member) int { return cmp.Compare(a.RSS, b.RSS) })
	began := time.Now()
	for _, p := range m.due {
		expected := pssBase + time.Duration(pssPerByte*float64(p.RSS))
		if time.Since(began)+expected > m.budget {
			overBudget++
			// What was read long ago is no better than RSS in the end.
			p.pssKnown = p.pssKnown && now.Sub(p.pssAt) < 2*m.interval
			continue
		}
		pss, err := m.table.PSS(p.ID)
		faults.Add("smaps_rollup", err)
		p.pssAt, p.pssKnown = now, err == nil
		p.pss, p.pssRSS = pss, p.RSS
	}
	return overBudget
}
