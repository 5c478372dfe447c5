package agentprocess

import (
	"sync"
	"time"

	"github.com/watchkeeper/watchkeeper/internal/proctable"
	"github.com/watchkeeper/watchkeeper/receivers/agentprocess/internal/metadata"
)

// exits makes events of the ends of members. Most are heard as they happen; where
// the kernel offers no way to listen, and when there are too many to, they are
// noticed by a later collection.
type exits struct {
	watcher *proctable.Watcher // nil where there is none
	emit    func(event)        // never blocks
	ids     []proctable.ID     // memory for one collection

	mu    sync.Mutex
	known map[proctable.ID]*observed
	ended []proctable.ID // not taken yet
}

// subject is what events say of a process.
type subject struct {
	id      proctable.ID
	image   *proctable.Image
	group   string
	role    metadata.AttributeAgentRole
	started time.Time
}

func (m *member) subject() subject {
	return subject{id: m.ID, image: m.Image, group: m.group.name, role: m.group.label, started: m.started}
}

// observed is a member whose end is awaited.
type observed struct {
	subject
	pass uint64 // last collection that saw it alive
	told bool   // that it has ended
}

func newExits(emit func(event)) *exits {
	return &exits{emit: emit, known: map[proctable.ID]*observed{}}
}

// heard takes an exit from the watcher.
func (e *exits) heard(x proctable.Exit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o, ok := e.known[x.ID]; ok && !o.told {
		e.tell(o, x)
	}
}

// tell emits the events of an exit. mu is held.
func (e *exits) tell(o *observed, x proctable.Exit) {
	o.told = true
	e.ended = append(e.ended, x.ID)
	e.emit(event{what: exited, at: x.Time, subject: o.subject, exit: x})
	if x.OOMKnown && x.OOMKilled {
		e.emit(event{what: oomKilled, at: x.Time, subject: o.subject})
	}
}

// taken appends those that were heard to have ended since the last call.
func (e *exits) taken(ids []proctable.ID) []proctable.ID {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids = append(ids, e.ended...)
	e.ended = e.ended[:0]
	return ids
}

// watch awaits the ends of members from now on. tracked are all processes that
// run.
func (e *exits) watch(now time.Time, pass uint64, members []*member, tracked map[proctable.ID]*tracked) error {
	e.await(now, pass, members, tracked)
	if e.watcher == nil {
		return nil
	}
	// Not under mu, which the watcher's reports wait for.
	return e.watcher.Set(e.ids)
}

func (e *exits) await(now time.Time, pass uint64, members []*member, tracked map[proctable.ID]*tracked) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range members {
		if m.State == proctable.Zombie {
			continue
		}
		o := e.known[m.ID]
		if o == nil {
			o = &observed{}
			e.known[m.ID] = o
		}
		o.pass, o.subject = pass, m.subject()
	}
	e.ids = e.ids[:0]
	for id, o := range e.known {
		t := tracked[id]
		switch left := t != nil && t.member == nil; {
		case o.pass == pass && !o.told:
			e.ids = append(e.ids, id)
		case o.pass == pass: // it was listed while it ended
		case o.told || left:
			delete(e.known, id)
		case e.watcher != nil && o.pass+1 == pass:
			e.ids = append(e.ids, id) // the report may be on its way
		default:
			e.tell(o, proctable.Exit{ID: id, Time: now})
			delete(e.known, id)
		}
	}
}
