package agentprocess

import (
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/internal/proctable/lineage"
)

// tracked is what is kept of any process for as long as it runs.
type tracked struct {
	image  *proctable.Image // that kind was found from; nil to find it anew
	kind   kind
	first  uint64  // collection that listed it
	pass   uint64  // last that did
	member *member // while it is in a group
}

// member is a process that is in a group, for as long as it is in any.
type member struct {
	proctable.Process
	place   lineage.Place
	group   *group
	started time.Time
	pass    uint64 // last collection that it was a member in
	// born says that the process started since the last collection, so that all it
	// has counted is news.
	born bool

	io         proctable.IO // last that was read
	ioKnown    bool
	credit     proctable.IO // bytes of children, which the kernel adds to it as they end
	diskRate   float64      // bytes a second since the last collection
	diskMoved  uint64
	voluntary  uint64
	unwilling  uint64
	switches   bool // the two above are known
	limit      uint64
	limitKnown bool

	pss      int64 // at the last reading
	pssRSS   int64 // resident memory then
	pssKnown bool
	slowAt   time.Time // when all that is read seldom was read
	pssAt    time.Time
	memory   int64 // what counts as its memory in this collection
}

// estimate returns the memory of a process from the last PSS: what it has gained
// or lost since is its own.
func (m *member) estimate() int64 {
	if !m.pssKnown {
		return m.RSS
	}
	return max(0, m.pss+m.RSS-m.pssRSS)
}

// less returns a reduced by b, 0 if that is more.
func less(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}
