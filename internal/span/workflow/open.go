package workflow

import (
	"cmp"
	"slices"
	"time"
)

// Open returns the workflows that run at now, ordered by type and priority. It
// looks at each open workflow once, at no span.
func (a *Assembler) Open(now time.Time) []Open {
	type kind struct{ workflow, priority name }
	counts := make(map[kind]*Open)
	var order []*Open
	for f := a.open.oldest; f != nil; f = f.later {
		if !f.evident || f.afterwards {
			continue
		}
		k := kind{cmp.Or(f.kind, f.workflow.name, f.agent.name), f.priority.name}
		o := counts[k]
		if o == nil {
			o = &Open{Type: cmp.Or(a.names.text[k.workflow], "unknown"), Priority: a.names.text[k.priority]}
			counts[k] = o
			order = append(order, o)
		}
		o.Count++
		if f.stalled {
			o.Stalled++
		}
		o.Oldest = max(o.Oldest, now.Sub(f.first))
	}
	out := make([]Open, len(order))
	for i, o := range order {
		out[i] = *o
	}
	slices.SortFunc(out, func(x, y Open) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.Priority, y.Priority))
	})
	return out
}
