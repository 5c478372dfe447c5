package proctable

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// mayOpen returns how many files this process may have open.
func mayOpen() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int(min(limit.Cur, 1<<20))
}

// defaultBudget is what 2,000 descriptors cost in kernel memory, 9 MiB, but never
// more than a quarter of the files that this process may open.
func defaultBudget() int { return min(2000, mayOpen()/4) }

// SetBudget sets how many descriptors the table keeps open, at most, for watched
// processes: up to four for each, of which three cost the kernel 4.4 KiB. A read
// through one takes about half the time. The default is 2000, or a quarter of the
// files that this process may open if that is less; half of them is the most.
// Processes beyond the budget are read all the same, and should this process run
// out of descriptors nevertheless, the table gives way and lowers the budget.
func (t *Table) SetBudget(descriptors int) {
	t.watch.budget = max(0, min(descriptors, mayOpen()/2))
	if t.watch.kept > t.watch.budget {
		t.shutAllKept()
	}
}

func (t *Table) shutAllKept() {
	for _, r := range t.records {
		if r.watched != nil {
			t.shutKept(r.watched)
		}
	}
}

// giveWay closes what is kept when an open failed for want of a descriptor, and
// says whether to try again. It must not be called while one is in use.
func (t *Table) giveWay(errno syscall.Errno) bool {
	if t.watch.kept == 0 || errno != unix.EMFILE && errno != unix.ENFILE {
		return false
	}
	t.watch.budget = t.watch.kept / 2
	t.shutAllKept()
	return true
}

// keepStat keeps the stat of a watched process within the budget, and closes what
// is not to be kept. A copy of /proc has no descriptors to keep: they would show
// what was there when they were opened.
func (t *Table) keepStat(r *record, fd int) {
	switch w := r.watched; {
	case w != nil && w.stat == fd:
	case w != nil && t.bound && t.watch.kept < t.watch.budget:
		w.stat = fd
		t.watch.stats++
		t.watch.kept++
	default:
		shut(fd)
	}
}

// room says whether one more descriptor of a watched process, other than that of
// its stat, is within the budget: that is for the stats of all of them first.
func (t *Table) room(w *watched) bool {
	return w != &t.passing && t.bound && t.watch.kept+t.watch.watched-t.watch.stats < t.watch.budget
}

func (t *Table) shutKept(w *watched) {
	if w.stat != none {
		shut(w.stat)
		w.stat = none
		t.watch.stats--
		t.watch.kept--
	}
	for _, fd := range []*int{&w.io, &w.statm, &w.fd} {
		if *fd != none {
			shut(*fd)
			*fd = none
			t.watch.kept--
		}
	}
}
